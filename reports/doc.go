// Package reports draws runs as pages. A [View] holds all that a page says, in
// words and numbers ready to be read; the templates arrange it, and one small
// script draws the charts from the block of data in the page. A page is one
// file, needs no network, and runs no script but its own.
package reports
