package media

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
)

// quality is that of most images on the web.
const quality = 75

// picture is a JPEG file.
func picture(width, height int, r *rand.Rand) []byte { return encoded(canvas(width, height, r)) }

func encoded(of image.Image) []byte {
	var file bytes.Buffer
	_ = jpeg.Encode(&file, of, &jpeg.Options{Quality: quality}) // of a size that was checked, into memory
	return file.Bytes()
}

// patch is the distance of the points between which colours are blended, in pixels.
const patch = 32

// grain is how much each pixel differs from the blend, at most.
const grain = 15

// canvas is a picture of blended patches with grain, as a photograph has both. Its file has about two bits a pixel.
func canvas(width, height int, r *rand.Rand) *image.YCbCr {
	out := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	blend(out.Y, out.YStride, width, height, patch, r)
	blend(out.Cb, out.CStride, (width+1)/2, (height+1)/2, patch/2, r)
	blend(out.Cr, out.CStride, (width+1)/2, (height+1)/2, patch/2, r)
	bits := uint64(0)
	for i := range out.Y {
		if i%16 == 0 {
			bits = r.Uint64()
		}
		out.Y[i] += uint8(bits % (grain + 1))
		bits >>= 4
	}
	return out
}

// blend fills a plane with random values at points, and what lies between with what lies between their values.
func blend(plane []uint8, stride, width, height, apart int, r *rand.Rand) {
	across := width/apart + 2
	above, below := make([]int, across), make([]int, across)
	draw := func(row []int) {
		for i := range row {
			row[i] = r.IntN(256 - grain)
		}
	}
	draw(below)
	for y := range height {
		if y%apart == 0 {
			above, below = below, above
			draw(below)
		}
		line := plane[y*stride : y*stride+width]
		down := y % apart
		for x := range line {
			i, right := x/apart, x%apart
			upper := above[i]*(apart-right) + above[i+1]*right
			lower := below[i]*(apart-right) + below[i+1]*right
			line[x] = uint8((upper*(apart-down) + lower*down) / (apart * apart))
		}
	}
}
