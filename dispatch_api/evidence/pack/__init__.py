"""Evidence packs: one case as one zip that anybody can check with nothing but the zip."""
