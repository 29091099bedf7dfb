"""The mathematics of the platform: arrays in, results out.

Nothing here knows a database, HTTP or AWS; NumPy is the only dependency. The tests compare it with
independent references (statsmodels, SciPy, hmmlearn, networkx, dtaidistance, linearmodels).
"""
