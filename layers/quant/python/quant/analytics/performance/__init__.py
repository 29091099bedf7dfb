"""Abnormal returns of disclosed trades: event studies and calendar-time portfolios.

MacKinlay (1997), Journal of Economic Literature 35; Barber and Lyon (1997), Journal of Financial
Economics 43; Kothari and Warner (2007), Handbook of Corporate Finance 1; Fama (1998), Journal of
Financial Economics 49.
"""
