package server

import (
	"context"
	"os"
	"time"

	"github.com/moby/moby/client"

	"github.com/vllmspec/vllmspec/internal/guard"
)

// removal is the duty of the guard that removes a container whose owner was killed.
const removal = "remove-container"

// A guard is this program, started once more: whether this process is one is found out before
// anything else of it begins.
func init() { guard.Duty(removal, removeWhenGone) }

// An engine that was asked for a container goes on to make it when the one who asked is gone:
// it is looked for again.
const (
	removalTries = 3
	removalEvery = 200 * time.Millisecond
)

// removeWhenGone waits for the end of our owner and removes what carries its label. The
// arguments are the engine's address and the owner's file.
func removeWhenGone(args []string, owner <-chan guard.Order) {
	if <-owner != guard.Gone {
		return
	}
	defer os.Remove(args[1])
	api, err := client.New(client.FromEnv, client.WithHost(args[0]))
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	for range removalTries {
		list, err := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelOwner+"="+args[1])})
		if err != nil {
			return // the next start removes it
		}
		for _, c := range list.Items {
			_, _ = api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
		}
		time.Sleep(removalEvery)
	}
}
