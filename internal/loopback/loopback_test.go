package loopback

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNames_onlyThisMachinesOwn(t *testing.T) {
	for host, own := range map[string]bool{
		"localhost": true, "localhost:80": true, "127.0.0.1": true, "127.0.0.2:9": true, "[::1]:80": true, "::1": true, "[::1]": true,
		"": false, ":80": false, "0.0.0.0:80": false, "evil.example": false, "localhost.evil.example:80": false, "127.0.0.1.evil.example": false, "10.0.0.1": false,
	} {
		assert.Equal(t, own, Is(host), host)
	}
}
