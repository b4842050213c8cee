package steps

import (
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/steps/internal/medium"
)

// clips is a workload of clips of which a model says what is said in them.
type clips struct {
	task       string // the interface that its sentence means; "": there are none
	seconds    dataset.Length
	recordings *multimodal.Recordings // nil: they are made
}

// clipsSentences say what is asked beside text.
func clipsSentences() []entry {
	return []entry{
		{Pattern: `^clips of (.+) are (transcribed|translated)$`, Do: clipsAre,
			Doc: `Has a speech model transcribe clips of sound, or translate what is said in them into English, one clip in each
				request. A length is written as those of prompts are: 10 seconds, 10 to 30 seconds, or 2 ± 1 minutes. Clips are made, no two alike: sound in
				the rhythm of speech, in which nothing is said (WAV, 16 kHz, one channel). Transcripts are streamed, unless answers come
				in one piece. Beside latencies, real-time factor and audio throughput are measured.`},
		{Pattern: `^clips from "([^"]*)" are (transcribed|translated)$`, Do: clipsFrom,
			Doc: `Does the same with recordings: the WAV files of a folder, whose path counts from the module's root, in random order.`},
		{Pattern: `^each prompt has (\S+) images? of (\S+)$`, Do: promptHasImages,
			Doc: `Puts images before the text of every prompt: an image, or several, of a width and a height in pixels. They are made (JPEG),
				no two alike, and sent within the request. What is asked are chats then.`},
		{Pattern: `^each prompt has (\S+) of (\S+) images of (\S+)$`, Do: promptHasOfImages,
			Doc: `Does the same with images of which there are only so many, so that the server finds what it made of them in its
				multimodal cache. No run finds those of another one.`},
		{Pattern: `^each prompt has a video of (.+) at (\S+)$`, Do: promptHasVideo,
			Doc: `Puts a video before the text of every prompt, which is made: 8 frames per second (Motion JPEG in an AVI file).`},
		{Pattern: `^each prompt has a clip of (.+)$`, Do: promptHasClip,
			Doc: `Puts a clip of sound before the text of every prompt, which is made as those that are transcribed.`},
	}
}

func clipsAre(work *workload, length, verb string) (err error) {
	var c clips
	c.seconds, err = medium.Seconds(length)
	return errors.Join(err, work.clips.be(c, verb))
}

func clipsFrom(work *workload, folder, verb string) error {
	files, err := work.userFiles.Ending(folder, ".wav")
	if err != nil {
		return err
	}
	r := &multimodal.Recordings{FS: files.FS, Name: files.Name, Files: files.Parts}
	if err := errors.Join(r.Check(), work.clips.be(clips{recordings: r}, verb)); err != nil {
		return err
	}
	return work.files.AddParts(folder, files.Name, files.FS, files.Parts)
}

func (c *clips) be(said clips, verb string) error {
	if c.task != "" {
		return errors.New("what becomes of clips is said twice; keep one")
	}
	said.task = map[string]string{"transcribed": interfaces.Transcriptions, "translated": interfaces.Translations}[verb]
	*c = said
	return nil
}

// dataset is the clips, whose transcripts have a bound, or 0.
func (c *clips) dataset(most int) harness.Dataset {
	if c.recordings != nil {
		c.recordings.MaxTokens = most
		return c.recordings
	}
	return multimodal.Clips{Seconds: c.seconds, MaxTokens: most}
}

// show has each prompt have some media more. What is asked are chats then, unless another interface is named.
func (work *workload) show(s multimodal.Some, err error) error {
	work.media = append(work.media, s)
	work.chats = work.chats || work.over == ""
	return err
}

func promptHasImages(work *workload, each, size string) error {
	return work.show(medium.Images(each, "", size))
}

func promptHasOfImages(work *workload, each, of, size string) error {
	return work.show(medium.Images(each, of, size))
}

func promptHasVideo(work *workload, length, size string) error {
	return work.show(medium.Video(length, size))
}

func promptHasClip(work *workload, length string) error {
	return work.show(medium.Clip(length))
}
