package servers

import (
	"net/url"
	"strings"
)

// deployments stands before the name of a deployment of Azure OpenAI's in an address.
const deployments = "/openai/deployments/"

// Path is a path of the interface below a base address. Some services have the interface's paths without its
// version, because the version is part of the address already: deployments of Azure OpenAI's, Gemini (.../v1beta/openai),
// Vertex AI (.../endpoints/openapi) and Databricks (.../serving-endpoints).
func Path(base, path string) string {
	base = strings.TrimSuffix(base, "/")
	if strings.Contains(base, deployments) || strings.HasSuffix(base, "/v1beta/openai") || strings.HasSuffix(base, "/endpoints/openapi") || strings.HasSuffix(base, "/serving-endpoints") {
		return strings.TrimPrefix(path, "/v1")
	}
	return path
}

// Deployment is the name of the deployment that an address is of, which is what to call the model there; "" where
// it is of none.
func Deployment(address string) string {
	at, err := url.Parse(address)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(at.Path, deployments)
	name, _, _ = strings.Cut(name, "/")
	return name
}
