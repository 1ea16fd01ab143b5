package validation

const (
	MinimumSupportedVersion = "1.98"
	MaximumSupportedVersion = "1.99"
)
