// Package bucket keeps runs in an object store that speaks S3's protocol: Amazon's, or one of the many that are asked the same
// way. A run is written on this machine first, and sent when it is whole; its manifest goes last, so that half a run
// never looks like one.
//
// The protocol is https://docs.aws.amazon.com/AmazonS3/latest/API/.
package bucket
