"""Reports: arrays from the database, through ``quant.analytics``, to documents.

A document has ``data``, ``method`` (or ``methods``), ``sample`` and ``data_version``: what was
found, how, in what, and at which version of the disclosed data.
"""
