// Package source opens files of records and finds the records in them: lines, objects of JSON,
// rows of tables and of Parquet files.
//
// Files may be larger than memory and are as people have them: in UTF-8 or UTF-16, with the line ends of any
// system, with rows that cannot be used. What is kept of a file is where its records lie ([Places]); an
// error names the line ([LineError]); a record that cannot be asked is counted and left out ([LeftOut]).
package source
