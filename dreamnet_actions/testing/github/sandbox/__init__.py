"""``dreamnet sandbox``: a GitHub of one's own for one repository, with a page to look at."""
