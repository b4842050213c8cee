package sql_test

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// The request rate of the minute that follows ten seconds of warm-up, from requests.parquet.
func Example() {
	fmt.Println(sql.Objective(harness.Objective{Metric: "request rate"}, 10*time.Second, 70*time.Second))
	// Output:
	// select count(*) / 60
	// from 'requests.parquet' where due_ns >= 10000000000 and due_ns < 70000000000
}
