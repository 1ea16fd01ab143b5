package images

func baseResources() map[Resource]map[string]string {
	return map[Resource]map[string]string{
		CalicoCNI: {"*": "quay.io/calico/cni:v1"}, // a comment
	}
}

func optionalResources() map[Resource]map[string]string {
	return map[Resource]map[string]string{
		HetznerCCM: {
			"1.98.x":    "docker.io/hetznercloud/ccm:v98",
			">= 1.99.0": "docker.io/hetznercloud/ccm:v99",
		},
		HetznerCSI: {"*": "docker.io/hetznercloud/csi:v2"},
	}
}
