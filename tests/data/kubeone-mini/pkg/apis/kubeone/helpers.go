package kubeone

var postV99Constraint = semverutil.MustParseConstraint(">= 1.99")

func SandboxImage(version, registry string) (string, error) {
	switch {
	case postV99Constraint.Check(kubeSemVer):
		return fmt.Sprintf("%s/pause:3.99", registry), nil
	default:
		return fmt.Sprintf("%s/pause:3.98", registry), nil
	}
}
