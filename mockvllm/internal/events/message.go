package events

import "encoding/json"

// The types of a message's blocks.
const (
	thinkingBlock = "thinking"
	textBlock     = "text"
	toolBlock     = "tool_use"
)

// A Message is the content of one that is being written, block by block.
type Message struct {
	Emit Emit
	ID   string

	block string // the type of the block that is being written; "": none is
	index int    // of that block, or of the next
}

// Thinking adds to a thinking block.
func (m *Message) Thinking(text string) {
	m.begin(thinkingBlock, map[string]any{"thinking": ""})
	m.delta(map[string]any{"type": "thinking_delta", "thinking": text})
}

// Text adds to a block of text.
func (m *Message) Text(text string) {
	m.begin(textBlock, map[string]any{"text": ""})
	m.delta(map[string]any{"type": "text_delta", "text": text})
}

// Call adds a piece of arguments to a call of a tool; it may be empty.
func (m *Message) Call(id, name, piece string) {
	m.begin(toolBlock, map[string]any{"id": id, "name": name, "input": map[string]any{}})
	if piece != "" {
		m.delta(map[string]any{"type": "input_json_delta", "partial_json": piece})
	}
}

// begin begins a block, unless one of its type is being written.
func (m *Message) begin(kind string, block map[string]any) {
	if m.block == kind {
		return
	}
	m.End()
	m.block, block["type"] = kind, kind
	m.Emit("content_block_start", map[string]any{"index": m.index, "content_block": block})
}

// End ends the block that is being written, if there is one.
func (m *Message) End() {
	switch m.block {
	case "":
		return
	case thinkingBlock:
		m.delta(map[string]any{"type": "signature_delta", "signature": signature(m.ID)})
	}
	m.Emit("content_block_stop", map[string]any{"index": m.index})
	m.block = ""
	m.index++
}

func (m *Message) delta(delta map[string]any) {
	m.Emit("content_block_delta", map[string]any{"index": m.index, "delta": delta})
}

// signature is what vLLM signs a thinking block with: an id of its own.
func signature(id string) string { return id[max(0, len(id)-16):] + id[max(0, len(id)-16):] }

// Blocks is the content of a whole message; call is nil where none was made.
func Blocks(id, thought, text string, call *Call) []any {
	blocks := []any{}
	if thought != "" {
		blocks = append(blocks, map[string]any{"type": thinkingBlock, "thinking": thought, "signature": signature(id)})
	}
	if text != "" {
		blocks = append(blocks, map[string]any{"type": textBlock, "text": text})
	}
	if call != nil {
		input := map[string]any{}
		_ = json.Unmarshal([]byte(call.Arguments), &input) // what was cut short is empty
		blocks = append(blocks, map[string]any{"type": toolBlock, "id": call.ID, "name": call.Name, "input": input})
	}
	return blocks
}
