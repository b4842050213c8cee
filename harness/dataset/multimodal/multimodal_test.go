package multimodal_test

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func stream() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// draw are the first n conversations of a dataset.
func draw(t *testing.T, d harness.Dataset, n int) (out []harness.Conversation) {
	t.Helper()
	all, err := d.Conversations(stream())
	require.NoError(t, err)
	for c := range all {
		if out = append(out, c); len(out) == n {
			break
		}
	}
	return out
}

func TestClips_haveTheirLengthsAndNoTwoAreAlike(t *testing.T) {
	seeds, lengths := map[uint64]bool{}, map[time.Duration]bool{}
	for _, c := range draw(t, multimodal.Clips{Seconds: dataset.Length{Mean: 20, From: 10, To: 30}, MaxTokens: 64}, 200) {
		require.Len(t, c.Turns, 1)
		p := c.Turns[0]
		require.Len(t, p.Media, 1)
		assert.Equal(t, harness.Clip, p.Media[0].Kind)
		assert.Equal(t, 64, p.MaxTokens)
		assert.GreaterOrEqual(t, p.Media[0].Length, 10*time.Second)
		assert.LessOrEqual(t, p.Media[0].Length, 30*time.Second)
		seeds[p.Media[0].Seed], lengths[p.Media[0].Length] = true, true
	}
	assert.Len(t, seeds, 200)
	assert.Greater(t, len(lengths), 15)
}

func TestRecordings_allAreAskedBeforeOneComesAgain(t *testing.T) {
	files, names := fstest.MapFS{}, []string{"a.wav", "b.wav", "c.wav"}
	for i, name := range names {
		files[name] = &fstest.MapFile{Data: media.Make(harness.Medium{Kind: harness.Clip, Length: time.Duration(i+1) * time.Second}, "")}
	}
	d := &multimodal.Recordings{FS: files, Name: "calls", Files: names}
	require.NoError(t, d.Check())
	drawn := draw(t, d, 6)
	for _, of := range [][]harness.Conversation{drawn[:3], drawn[3:]} {
		total := time.Duration(0)
		for _, c := range of {
			total += c.Turns[0].Media[0].Length
		}
		assert.Equal(t, 6*time.Second, total)
	}
	files["b.wav"] = &fstest.MapFile{Data: []byte("no sound")}
	assert.EqualError(t, d.Check(), "calls/b.wav: it is no WAV file; convert it, for instance: ffmpeg -i clip.mp3 clip.wav")
}

// asked is a dataset of one conversation.
type asked harness.Conversation

func (a asked) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(harness.Conversation(a)) {
		}
	}, nil
}

func user(text string) harness.Message { return harness.Message{Role: "user", Content: text} }

func TestShown_laterTurnsShowAgainWhatWasShown(t *testing.T) {
	said := []harness.Message{{Role: "system", Content: "Be brief."}, user("What is this?"), {Role: "assistant", Content: "A cat."}, user("And this?")}
	image := multimodal.Some{Each: 2, Like: harness.Medium{Kind: harness.Image, Width: 64, Height: 64}}
	d := multimodal.With(asked{Turns: []harness.Prompt{{Messages: said[:2], Tokens: 9}, {Messages: said, Tokens: 20}}}, []multimodal.Some{image})
	drawn := draw(t, d, 2)
	first, second := drawn[0].Turns[0], drawn[0].Turns[1]
	assert.Zero(t, first.Tokens, "how many tokens images become is the model's affair")
	require.Len(t, first.Messages[1].Media, 2)
	assert.Equal(t, first.Messages[1].Media, second.Messages[1].Media)
	assert.Len(t, second.Messages[3].Media, 2)
	assert.NotEqual(t, second.Messages[1].Media, second.Messages[3].Media)
	assert.Nil(t, second.Messages[0].Media)
	assert.NotEqual(t, first.Messages[1].Media, drawn[1].Turns[0].Messages[1].Media)
	assert.Nil(t, said[1].Media, "the dataset's own are left alone")
}

func TestShown_ofConversationsThatGoOnEachTurnHasItsOwn(t *testing.T) {
	clip := multimodal.Some{Each: 1, Like: harness.Medium{Kind: harness.Clip, Length: time.Second}}
	turn := harness.Prompt{Messages: []harness.Message{user("Listen.")}}
	c := draw(t, multimodal.With(asked{GoesOn: true, Turns: []harness.Prompt{turn, turn}}, []multimodal.Some{clip}), 1)[0]
	require.Len(t, c.Turns[1].Messages[0].Media, 1)
	assert.NotEqual(t, c.Turns[0].Messages[0].Media, c.Turns[1].Messages[0].Media)
}

func TestShown_someOfTenAreTen(t *testing.T) {
	image := multimodal.Some{Each: 2, Of: 10, Like: harness.Medium{Kind: harness.Image, Width: 64, Height: 64}}
	seen := map[uint64]bool{}
	for _, c := range draw(t, multimodal.With(asked{Turns: []harness.Prompt{{TokenIDs: []int{1, 2}, Tokens: 2}}}, []multimodal.Some{image}), 100) {
		shown := c.Turns[0].Media
		require.Len(t, shown, 2)
		assert.NotEqual(t, shown[0].Seed, shown[1].Seed, "a prompt has no image twice")
		seen[shown[0].Seed], seen[shown[1].Seed] = true, true
	}
	assert.Len(t, seen, 10)
}

func TestDescribe_saysWhatIsShown(t *testing.T) {
	image := multimodal.Some{Each: 1, Of: 10, Like: harness.Medium{Kind: harness.Image, Width: 64, Height: 48}}
	raw, err := dataset.Describe(multimodal.With(multimodal.Clips{Seconds: dataset.Length{Mean: 10}}, []multimodal.Some{image}))
	require.NoError(t, err)
	var is struct {
		Kind, Says string
		Of         struct{ Says string }
	}
	require.NoError(t, json.Unmarshal(raw, &is))
	assert.Equal(t, "each prompt has 1 of 10 × image of 64x48", is.Says)
	assert.Equal(t, "clips of 10 seconds", is.Of.Says)
}

// TestShown_underAColdPrefixCacheImagesAreShared makes the bodies: each prompt has a salt of its own, and the ten
// images are the same ones in all of them, and others in another run.
func TestShown_underAColdPrefixCacheImagesAreShared(t *testing.T) {
	image := multimodal.Some{Each: 2, Of: 3, Like: harness.Medium{Kind: harness.Image, Width: 32, Height: 32}}
	shown := multimodal.With(asked{Turns: []harness.Prompt{{Text: "What is this?", MaxTokens: 4}}}, []multimodal.Some{image})
	c, seen, salts := &openai.Client{Chat: true}, map[string]bool{}, map[string]bool{}
	count := func(d harness.Dataset) {
		for _, of := range draw(t, d, 20) {
			salts[of.Turns[0].CacheSalt] = true
			body := string(c.Prepare(of.Turns[0]).Request.(*client.Request).Body)
			for _, url := range regexp.MustCompile(`"data:image/jpeg[^"]*"`).FindAllString(body, -1) {
				seen[url] = true
			}
		}
	}
	count(&dataset.Cached{Dataset: shown, Run: "one"})
	assert.Len(t, salts, 20)
	assert.Len(t, seen, 3)
	count(&dataset.Cached{Dataset: shown, Run: "two"})
	assert.Len(t, seen, 6)
}

// TestShown_someOfManyAreDrawnInNoTime draws from as many as there can be: each prompt costs what it shows.
func TestShown_someOfManyAreDrawnInNoTime(t *testing.T) {
	like := harness.Medium{Kind: harness.Image, Width: 64, Height: 64}
	d := multimodal.With(asked{Turns: []harness.Prompt{{TokenIDs: []int{1}}}}, []multimodal.Some{{Each: 2, Of: 10_000, Like: like}})
	all, err := d.Conversations(stream())
	require.NoError(t, err)
	next, stop := iter.Pull(all)
	defer stop()
	assert.Less(t, testing.AllocsPerRun(50, func() { next() }), 20.0)
	all64 := multimodal.With(asked{Turns: []harness.Prompt{{TokenIDs: []int{1}}}}, []multimodal.Some{{Each: 64, Of: 64, Like: like}})
	assert.Len(t, draw(t, all64, 1)[0].Turns[0].Media, 64)
}

func TestShown_aConversationWithoutAQuestionIsAnError(t *testing.T) {
	image := multimodal.Some{Each: 1, Like: harness.Medium{Kind: harness.Image, Width: 64, Height: 64}}
	d := multimodal.With(asked{Turns: []harness.Prompt{{Messages: []harness.Message{{Role: "system", Content: "Be brief."}}}}}, []multimodal.Some{image})
	assert.ErrorContains(t, draw(t, d, 1)[0].Err, "has no question")
}

func TestClips_areCutToTheLongest(t *testing.T) {
	longest := time.Duration(0)
	for _, c := range draw(t, multimodal.Clips{Seconds: dataset.Length{Mean: 1000, Deviation: 100_000, LogNormal: true}}, 2000) {
		longest = max(longest, c.Turns[0].Media[0].Length)
	}
	assert.Equal(t, multimodal.LongestClip, longest)
}

func TestCheckAll_refusesWhatIsTooMuch(t *testing.T) {
	image := func(each, of, side int) multimodal.Some {
		return multimodal.Some{Each: each, Of: of, Like: harness.Medium{Kind: harness.Image, Width: side, Height: side}}
	}
	video := multimodal.Some{Each: 1, Like: harness.Medium{Kind: harness.Video, Length: 10 * time.Minute, Width: 8192, Height: 8192}}
	hour := multimodal.Some{Each: 1, Like: harness.Medium{Kind: harness.Clip, Length: time.Hour}}
	require.NoError(t, multimodal.CheckAll([]multimodal.Some{image(8, 0, 8192)}))
	require.NoError(t, multimodal.CheckAll([]multimodal.Some{image(64, 10_000, 1024)}))
	for says, all := range map[string][]multimodal.Some{
		"65 images of a prompt cannot be made; it has between 1 and 64":                                              {image(65, 0, 64)},
		"1 of 10001 images cannot be drawn; there are between 1 and 10000 different ones":                            {image(1, 10_001, 64)},
		"what each prompt shows (64 × image of 8192x8192) has about 1024 MiB; it has 128 MiB at most":                {image(64, 0, 8192)},
		"what each prompt shows (1 × video of 10m0s at 8192x8192) has about 76800 MiB; it has 128 MiB at most":       {video},
		"what each prompt shows (1 × clip of 1h0m0s, 1 × clip of 1h0m0s) has about 219 MiB; it has 128 MiB at most:": {hour, hour},
	} {
		require.ErrorContains(t, multimodal.CheckAll(all), says)
		_, err := multimodal.With(asked{}, all).Conversations(stream())
		require.ErrorContains(t, err, says)
	}
}
