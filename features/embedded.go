package features

import (
	"embed"
	"fmt"
)

// The features are the product: they travel in the program.
//
//go:embed catalogue.tsv relay/*.feature protocol/*.feature
var embedded embed.FS

// Load reads the catalogue and the features of this package, which judge relays. An error lists every fault with its file
// and line.
func Load() (*Suite, error) {
	catalogue, err := LoadCatalogue()
	if err != nil {
		return nil, err
	}
	return ParseSuite(embedded, "features", catalogue)
}

// LoadCatalogue reads the catalogue of this program. An error lists every fault with its line.
func LoadCatalogue() (*Catalogue, error) {
	text, err := embedded.ReadFile("catalogue.tsv")
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	return ParseCatalogue("features/catalogue.tsv", string(text))
}
