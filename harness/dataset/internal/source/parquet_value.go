package source

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Assemble puts a value together from its leaves, as Dremel does (Melnik et al., 2010):
// lists, structs with their fields, texts and numbers. What is null is nil, and left out of
// a struct but for the content of a message: there data sets have the fields of all kinds of
// messages. The levels are those of the node's parent.
func Assemble(node parquet.Node, leaves [][]parquet.Value, repetition, definition int) any {
	switch {
	case len(leaves) == 0 || len(leaves[0]) == 0:
		return nil
	case node.Repeated():
		definition, repetition = definition+1, repetition+1
		if leaves[0][0].DefinitionLevel() < definition {
			return []any{}
		}
		var list []any
		for _, element := range elementsOf(leaves, repetition) {
			list = append(list, assembleOne(node, element, repetition, definition))
		}
		return list
	case node.Optional():
		if definition++; leaves[0][0].DefinitionLevel() < definition {
			return nil
		}
	}
	return assembleOne(node, leaves, repetition, definition)
}

// elementsOf divides leaves among the elements of a list at a level of repetition.
func elementsOf(leaves [][]parquet.Value, repetition int) (elements [][][]parquet.Value) {
	for i, leaf := range leaves {
		n := 0
		for from := 0; from < len(leaf); n++ {
			to := from + 1
			for to < len(leaf) && leaf[to].RepetitionLevel() > repetition {
				to++
			}
			if n == len(elements) {
				elements = append(elements, make([][]parquet.Value, len(leaves)))
			}
			elements[n][i] = leaf[from:to]
			from = to
		}
	}
	return elements
}

// assembleOne is a value that is there.
func assembleOne(node parquet.Node, leaves [][]parquet.Value, repetition, definition int) any {
	if node.Leaf() {
		return leafValue(node, leaves[0][0])
	}
	fields := node.Fields()
	if inner, ok := ElementOf(node); ok {
		list, _ := Assemble(fields[0], leaves, repetition, definition).([]any)
		if inner != nil { // each element stands in a group of its own
			for i, element := range list {
				if group, ok := element.(map[string]any); ok {
					list[i] = group[inner.Name()]
				}
			}
		}
		return list
	}
	out, from := map[string]any{}, 0
	for _, field := range fields {
		to := from + LeavesOf(field)
		value := Assemble(field, leaves[from:min(to, len(leaves))], repetition, definition)
		if value != nil || field.Name() == "content" {
			out[field.Name()] = value
		}
		from = to
	}
	return out
}

// ElementOf reports whether a group is a list, and which field of its repeated group is the
// element; nil: the repeated group is the element itself.
func ElementOf(node parquet.Node) (element parquet.Field, ok bool) {
	if node.Leaf() {
		return nil, false
	}
	fields := node.Fields()
	if len(fields) != 1 || !fields[0].Repeated() {
		return nil, false
	}
	_, isList := logicalType(node).(*format.ListType)
	if inner := fields[0]; !inner.Leaf() && len(inner.Fields()) == 1 && (isList || inner.Name() == "list") {
		return inner.Fields()[0], true
	}
	return nil, isList || fields[0].Name() == "array"
}

// logicalType is what the values of a node mean; nil where nothing is said.
func logicalType(node parquet.Node) format.LogicalTypeValue {
	if logical := node.Type().LogicalType(); logical != nil {
		return logical.Value
	}
	return nil
}

func LeavesOf(node parquet.Node) (n int) {
	if node.Leaf() {
		return 1
	}
	for _, field := range node.Fields() {
		n += LeavesOf(field)
	}
	return n
}

// leafValue is a text, a number, or true or false. A decimal is the text of its number.
func leafValue(node parquet.Node, v parquet.Value) any {
	if v.IsNull() {
		return nil
	}
	if decimal, ok := logicalType(node).(*format.DecimalType); ok {
		return decimalText(v, int(decimal.Scale))
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32, parquet.Int64:
		if v.Kind() == parquet.Int32 {
			return int64(v.Int32())
		}
		return v.Int64()
	case parquet.Float, parquet.Double:
		f := v.Double()
		if v.Kind() == parquet.Float {
			f = float64(v.Float())
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil // as pandas writes what is missing
		}
		return f
	}
	return string(v.ByteArray())
}

// decimalText is a decimal number, whose digits are stored without its point.
func decimalText(v parquet.Value, scale int) json.Number {
	digits := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		digits.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		digits.SetInt64(v.Int64())
	default:
		raw := v.ByteArray()
		digits.SetBytes(raw)
		if len(raw) > 0 && raw[0]&0x80 != 0 { // two's complement
			digits.Sub(digits, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
		}
	}
	const most = 76 // digits that a decimal has
	number := new(big.Rat).SetFrac(digits, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(min(max(scale, 0), most))), nil))
	if number.IsInt() {
		return json.Number(number.Num().String())
	}
	return json.Number(strings.TrimRight(number.FloatString(min(scale, most)), "0"))
}

// KindOfColumn says in words what a column holds.
func KindOfColumn(node parquet.Node) string {
	if element, ok := ElementOf(node); ok {
		if element == nil {
			element = node.Fields()[0]
			if !element.Leaf() {
				return "a list of " + structOf(element)
			}
		}
		return "a list of " + strings.TrimPrefix(KindOfColumn(parquet.Required(element)), "a ") + "s"
	}
	switch {
	case node.Repeated():
		return "a list"
	case !node.Leaf():
		return structOf(node)
	}
	if _, ok := logicalType(node).(*format.DecimalType); ok {
		return "a number"
	}
	switch node.Type().Kind() {
	case parquet.Boolean:
		return "a truth value"
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return "a text"
	}
	return "a number"
}

func structOf(node parquet.Node) string {
	var names []string
	for _, field := range node.Fields() {
		names = append(names, field.Name())
	}
	return fmt.Sprintf("a struct of %s", strings.Join(names, ", "))
}
