"""What the documentation's pages need besides their text: pictures, tables and pages from the code itself.

The site is docs/ as it stands; `conf.py` calls `generated.write` before Sphinx reads it.
"""
