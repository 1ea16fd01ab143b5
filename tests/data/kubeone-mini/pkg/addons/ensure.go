package addons

func ensureCSIAddons(s *state.State, addonsToDeploy []addonAction) []addonAction {
	var unknownProvider bool

	switch {
	case s.Cluster.CloudProvider.Hetzner != nil:
		addonsToDeploy = append(addonsToDeploy, addonAction{
			name: resources.AddonCSIHetzner,
		})
	default:
		unknownProvider = true
	}

	if !unknownProvider {
		addonsToDeploy = append(addonsToDeploy, addonAction{
			name: resources.AddonCSIExternalSnapshotter,
		})
	}

	return addonsToDeploy
}

func ensureCCMAddons(s *state.State, addonsToDeploy []addonAction) []addonAction {
	switch {
	case s.Cluster.CloudProvider.Hetzner != nil:
		addonsToDeploy = append(addonsToDeploy, addonAction{
			name: resources.AddonCCMHetzner,
		})
	default:
	}

	return addonsToDeploy
}
