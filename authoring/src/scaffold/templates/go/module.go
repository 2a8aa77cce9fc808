// Package export_my_{{snake}}_{{snake}} is the module {{name}}. What each method does is said in `wit/module.wit`.
package export_my_{{snake}}_{{snake}}

import (
	"fmt"

	"go.bytecodealliance.org/pkg/wit/types"

	// Made from the WIT.
	job "wit_component/minion_job_job"
	log "wit_component/minion_log_log"
)

func Greet(name string) string {
	return "hello, " + name
}

func Count(to uint32) uint32 {
	for number := uint32(1); number <= to; number++ {
		if job.Cancelled() {
			return number - 1
		}
		job.Progress(uint64(number), uint64(to), "counting")
	}
	log.Write(log.Level_Info, fmt.Sprintf("counted to %d", to), nil)
	return to
}

func Divide(dividend, divisor uint32) wit_types.Result[uint32, string] {
	if divisor == 0 {
		return wit_types.Err[uint32, string](fmt.Sprintf("cannot divide %d by zero", dividend))
	}
	return wit_types.Ok[uint32, string](dividend / divisor)
}
