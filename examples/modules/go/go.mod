// The bindings that are made from the WIT import each other by this name.
module wit_component

go 1.27.1

require go.bytecodealliance.org/pkg v0.4.0

// Comes with the bindings.
replace go.bytecodealliance.org/pkg => ./pkg
