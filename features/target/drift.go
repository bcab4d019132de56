package target

// Declarer tells apart what a target declares itself from what was found of it, where Describe gives both together. One that
// declares an extension declares them all; of one that declares none nothing is known.
type Declarer interface {
	Declared() []Capability
}

// Doubter tells which verbs of a target weren't seen to do anything, though it says that it has them. More of them may be
// seen while scenarios are run.
type Doubter interface {
	// Doubts gives each such verb with the reason. certain: it was seen to do nothing, or to be denied; else nobody could look.
	Doubts() []Doubt
}

// Doubt is a verb that isn't confirmed.
type Doubt struct {
	Verb    Capability
	Certain bool
	Why     string
}

// Explainer says why a target lacks a capability, where there is more to say than that it does.
type Explainer interface {
	// Explain gives the reason in a few words, "" when there is none.
	Explain(c Capability) string
}
