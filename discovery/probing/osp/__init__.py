"""Optimal sparse probing: the support of least loss, with a proof or an honest gap.

:func:`.cutting.solve` and :func:`.cutting.solve_path`; :mod:`.problem` has the formulas.
"""
