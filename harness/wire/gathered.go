package wire

import "github.com/vllmspec/vllmspec/internal/limit"

// block is how much of a long text is kept in one piece.
const block = 256 << 10

// A gathered text is one that comes in pieces. A short one stands in memory that is used
// again. A long one is kept in blocks until it is whole: what grows in one piece is copied
// again and again, and takes several times its length.
type gathered struct {
	short  []byte
	blocks [][]byte // nil: it is short
	length int
}

// add adds a piece, which is copied.
func (g *gathered) add(piece []byte) {
	g.length += len(piece)
	if g.blocks == nil && g.length <= limit.ShortEvent {
		g.short = append(g.short, piece...)
		return
	}
	if g.blocks == nil {
		g.blocks = append(g.blocks, append(make([]byte, 0, block), g.short...))
		g.short = nil
	}
	for len(piece) > 0 {
		last := len(g.blocks) - 1
		room := cap(g.blocks[last]) - len(g.blocks[last])
		if room == 0 {
			g.blocks = append(g.blocks, make([]byte, 0, block))
			continue
		}
		n := min(room, len(piece))
		g.blocks[last], piece = append(g.blocks[last], piece[:n]...), piece[n:]
	}
}

// adopt is add for the first piece, where it stands in memory of its own, with what follows it
// there: a long one is kept as it is.
func (g *gathered) adopt(piece []byte) {
	if g.length > 0 || len(piece) <= limit.ShortEvent {
		g.add(piece)
		return
	}
	g.blocks, g.short, g.length = [][]byte{piece}, nil, len(piece)
}

// whole is all of it in one piece, and makes it empty. A short one is good until the next
// piece is added.
func (g *gathered) whole() []byte {
	all := g.short
	if g.blocks != nil {
		all = g.blocks[0]
	}
	if len(g.blocks) > 1 {
		all = make([]byte, 0, g.length+1) // with room for the end of a line
		for _, b := range g.blocks {
			all = append(all, b...)
		}
	}
	g.short, g.blocks, g.length = g.short[:0], nil, 0
	return all
}
