package steps

import "github.com/vllmspec/vllmspec/internal/environment"

// An Environment says where the server under test is and with what credentials it is asked, which
// features are run and where their runs are stored. The zero value of a field is that of an unset variable.
type Environment = environment.Environment

// ReadEnvironment reads the environment variables, given as os.Environ gives them, for a module
// in the folder root whose features lie in root/features. Its error names everything that is wrong.
func ReadEnvironment(root string, environ []string) (Environment, error) {
	return environment.Read(root, environ)
}
