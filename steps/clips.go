package steps

import (
	"errors"

	"github.com/vllmspec/vllmspec/harness/dataset/multimodal"
	"github.com/vllmspec/vllmspec/steps/internal/medium"
)

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
	var c medium.Clips
	c.Seconds, err = medium.Seconds(length)
	return errors.Join(err, work.clips.Be(c, verb))
}

func clipsFrom(work *workload, folder, verb string) error {
	files, err := work.userFiles.Ending(folder, ".wav")
	if err != nil {
		return err
	}
	r := &multimodal.Recordings{FS: files.FS, Name: files.Name, Files: files.Parts}
	if err := errors.Join(r.Check(), work.clips.Be(medium.Clips{Recordings: r}, verb)); err != nil {
		return err
	}
	return work.files.AddParts(folder, files.Name, files.FS, files.Parts)
}

// show has each prompt have some media more. What is asked are chats then, unless another interface is named.
func (work *workload) show(s multimodal.Some, err error) error {
	if err != nil {
		return err
	}
	work.media = append(work.media, s)
	work.chats = work.chats || work.over == ""
	return multimodal.CheckAll(work.media)
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
