package resources

const (
	AddonCCMHetzner             = "ccm-hetzner"
	AddonCSIHetzner             = "csi-hetzner"
	AddonCSIExternalSnapshotter = "csi-external-snapshotter"
)
