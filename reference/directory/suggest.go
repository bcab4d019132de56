package directory

import "strings"

// suggest names the key that was probably meant, or all there are.
func suggest(name string, keys []string) string {
	best, least := "", 3
	for _, k := range keys {
		if d := distance(name, k, least); d < least {
			best, least = k, d
		}
	}
	if best != "" && least < len(best) {
		return "did you mean " + best + "?"
	}
	return "write one of " + strings.Join(keys, ", ")
}

// distance is how many letters must be put in, taken out or replaced to turn a into b; limit when it's that or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
