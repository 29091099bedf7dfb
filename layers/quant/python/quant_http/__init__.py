"""HTTP kit shared by the route handlers; the domain package ``quant`` never imports it."""
