package main

import (
	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/internal/command/accuracy"
	"github.com/vllmspec/vllmspec/internal/command/comment"
	"github.com/vllmspec/vllmspec/internal/command/drift"
	"github.com/vllmspec/vllmspec/internal/command/exchange"
	"github.com/vllmspec/vllmspec/internal/command/features"
	"github.com/vllmspec/vllmspec/internal/command/history"
	"github.com/vllmspec/vllmspec/internal/command/mock"
	"github.com/vllmspec/vllmspec/internal/command/open"
	"github.com/vllmspec/vllmspec/internal/command/report"
	"github.com/vllmspec/vllmspec/internal/command/start"
	"github.com/vllmspec/vllmspec/internal/command/transfer"
	"github.com/vllmspec/vllmspec/internal/command/version"
)

// commands are the subcommands, as the help lists them. A new one is a line here.
func commands() command.Table {
	return command.Table{
		start.Command(),
		features.CheckCommand(),
		features.TestCommand(),
		features.DemoCommand(),
		open.Command(),
		report.Command(),
		report.CompareCommand(),
		drift.Command(),
		transfer.UploadCommand(),
		transfer.DownloadCommand(),
		history.Command(),
		exchange.ImportCommand(),
		exchange.ExportCommand(),
		mock.Command(),
		comment.Command(),
		accuracy.SelfcheckCommand(),
		accuracy.CalibrateCommand(),
		version.Command(),
	}
}
