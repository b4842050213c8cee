package environment

import (
	"fmt"
	"net"
	"strconv"

	"github.com/vllmspec/vllmspec/harness/export"
)

// defaultDashboard is where live runs are shown unless the environment says otherwise.
const defaultDashboard = "127.0.0.1:7878"

func (e *Environment) readDashboard(vars map[string]string) error {
	switch address := vars["VLLMSPEC_DASHBOARD"]; {
	case address == "off", address == "" && vars["CI"] != "":
	case address == "":
		e.Dashboard, e.AnyPort = defaultDashboard, true
	default:
		if onlyPort(address) {
			address = net.JoinHostPort("127.0.0.1", address)
		}
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return fmt.Errorf("VLLMSPEC_DASHBOARD is %q; write an address, %s, a port, 7878, or \"off\"", address, defaultDashboard)
		}
		e.Dashboard = address
	}
	return nil
}

// onlyPort reports whether an address is the number of a port.
func onlyPort(address string) bool {
	_, err := strconv.ParseUint(address, 10, 16)
	return err == nil
}

// readExport reads to whom runs are shown while they go on. OpenTelemetry's own
// variables are read where they are used.
func (e *Environment) readExport(vars map[string]string) (err error) {
	if address := vars["VLLMSPEC_METRICS"]; address != "" && address != "off" {
		if e.Metrics, err = export.Address(address); err != nil {
			return fmt.Errorf("VLLMSPEC_METRICS: %w", err)
		}
	}
	off := vars["OTEL_SDK_DISABLED"] == "true" || vars["OTEL_METRICS_EXPORTER"] == "none"
	e.OTLP = !off && (vars["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || vars["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"] != "")
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"} {
		if protocol := vars[name]; protocol != "" {
			e.OTLPProtocol = protocol
		}
	}
	return nil
}
