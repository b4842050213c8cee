package events

// The types of a response's items.
const (
	reasoningItem = "reasoning"
	messageItem   = "message"
	callItem      = "function_call"
)

// A Response is what is put out of one that is being written, item by item. Its events are numbered.
type Response struct {
	Emit Emit
	ID   string

	number int    // of the next event
	item   string // the type of the item that is being written; "": none is
	index  int    // of that item, or of the next
	said   string // in that item
	name   string // of the tool that it calls
}

// Event writes an event with its number.
func (r *Response) Event(kind string, fields map[string]any) {
	fields["sequence_number"] = r.number
	r.number++
	r.Emit(kind, fields)
}

// Reasoning adds to a reasoning item.
func (r *Response) Reasoning(text string) {
	r.begin(reasoningItem)
	r.said += text
	r.Event("response.reasoning_text.delta", r.ofPart(map[string]any{"delta": text}))
}

// Text adds to a message.
func (r *Response) Text(text string) {
	r.begin(messageItem)
	r.said += text
	r.Event("response.output_text.delta", r.ofPart(map[string]any{"delta": text, "logprobs": []any{}}))
}

// Call adds a piece of arguments to a call of a tool; it may be empty.
func (r *Response) Call(name, piece string) {
	r.name = name
	r.begin(callItem)
	if r.said += piece; piece != "" {
		r.Event("response.function_call_arguments.delta", r.ofItem(map[string]any{"delta": piece}))
	}
}

// begin begins an item, unless one of its type is being written.
func (r *Response) begin(kind string) {
	if r.item == kind {
		return
	}
	r.endItem()
	r.item, r.said = kind, ""
	r.Event("response.output_item.added", map[string]any{"output_index": r.index, "item": r.written("in_progress")})
	switch kind {
	case messageItem:
		part := outputText("")
		part["logprobs"] = []any{}
		r.Event("response.content_part.added", r.ofPart(map[string]any{"part": part}))
	case reasoningItem:
		r.Event("response.reasoning_part.added", r.ofPart(map[string]any{"part": reasoningText("")}))
	}
}

// End ends the item that is being written; an answer without a word is an empty message.
func (r *Response) End() {
	if r.item == "" && r.index == 0 {
		r.begin(messageItem)
	}
	r.endItem()
}

func (r *Response) endItem() {
	switch r.item {
	case "":
		return
	case messageItem:
		r.Event("response.output_text.done", r.ofPart(map[string]any{"text": r.said, "logprobs": []any{}}))
		r.Event("response.content_part.done", r.ofPart(map[string]any{"part": outputText(r.said)}))
	case reasoningItem:
		r.Event("response.reasoning_text.done", r.ofPart(map[string]any{"text": r.said}))
		r.Event("response.reasoning_part.done", r.ofPart(map[string]any{"part": reasoningText(r.said)}))
	case callItem:
		r.Event("response.function_call_arguments.done", r.ofItem(map[string]any{"name": r.name, "arguments": r.said}))
	}
	r.Event("response.output_item.done", map[string]any{"output_index": r.index, "item": r.written("completed")})
	r.item = ""
	r.index++
}

// ofItem says which item an event is about, and ofPart which part of it.
func (r *Response) ofItem(fields map[string]any) map[string]any {
	fields["item_id"], fields["output_index"] = itemID(r.item, r.ID), r.index
	return fields
}

func (r *Response) ofPart(fields map[string]any) map[string]any {
	fields["content_index"] = 0
	return r.ofItem(fields)
}

// written is the item that is being written, with its content once it is complete.
func (r *Response) written(status string) map[string]any {
	switch r.item {
	case reasoningItem:
		return reasoning(r.ID, r.said, status)
	case callItem:
		return functionCall(r.ID, r.name, r.said, status)
	}
	return message(r.ID, r.said, status)
}

func itemID(kind, id string) string {
	return map[string]string{reasoningItem: "msg_r", messageItem: "msg_", callItem: "fc_"}[kind] + id
}

func outputText(text string) map[string]any {
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": nil}
}

func reasoningText(text string) map[string]any {
	return map[string]any{"type": "reasoning_text", "text": text}
}

func message(id, text, status string) map[string]any {
	content := []any{}
	if status == "completed" {
		content = append(content, outputText(text))
	}
	return map[string]any{"id": itemID(messageItem, id), "type": messageItem, "role": "assistant", "status": status, "content": content, "phase": nil}
}

func reasoning(id, text, status string) map[string]any {
	var content any
	if status == "completed" {
		content = []any{reasoningText(text)}
	}
	return map[string]any{"id": itemID(reasoningItem, id), "type": reasoningItem, "status": status, "summary": []any{}, "content": content, "encrypted_content": nil}
}

func functionCall(id, name, arguments, status string) map[string]any {
	return map[string]any{"id": itemID(callItem, id), "type": callItem, "status": status, "name": name, "call_id": "call_" + id, "arguments": arguments}
}

// Items is what a whole response puts out; call is nil where none was made.
func Items(id, thought, text string, call *Call) (items []any) {
	const completed = "completed"
	if thought != "" {
		items = append(items, reasoning(id, thought, completed))
	}
	if call != nil {
		return append(items, functionCall(id, call.Name, call.Arguments, completed))
	}
	if text != "" || len(items) == 0 {
		items = append(items, message(id, text, completed))
	}
	return items
}
