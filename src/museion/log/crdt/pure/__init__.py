"""Pure operation-based CRDTs: operations travel as people asked for them, and what is causally
stable sheds its timestamps."""
