// Package experiment carries experiments out. A [Plan] says what is asked of which servers,
// how often, at which loads, and what will be judged. A [Session] makes an [Experiment] of it.
// That starts or reaches the server, brings the load to it once, repeatedly, at several settings
// or to two servers in turns, and stores each run. It judges rows and, at the end, writes and
// publishes its files:
//
//	e := session.New(plan)
//	err := e.Run(ctx)
//	verdicts, err := e.Judge(question)
//	summary, err := e.Finish(err)
//
// The package knows no feature files, no environment variables and no terminal: a session is
// given all that it needs, and reports to a [Listener] what goes on.
package experiment
