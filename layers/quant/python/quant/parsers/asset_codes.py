"""Asset type codes of House reports, in square brackets behind the asset.

Source: https://fd.house.gov/reference/asset-type-codes.aspx.
"""

from typing import Final, NamedTuple

from quant.vocabulary import AssetType


class AssetCode(NamedTuple):
    """What a code stands for: the Clerk's words, and the kind of asset here."""

    description: str
    asset_type: AssetType


_OTHER: Final = AssetType.OTHER

ASSET_CODES: Final = {
    "4K": AssetCode("401K and Other Non-Federal Retirement Accounts", _OTHER),
    "5C": AssetCode("529 College Savings Plan", _OTHER),
    "5F": AssetCode("529 Portfolio", _OTHER),
    "5P": AssetCode("529 Prepaid Tuition Plan", _OTHER),
    "AB": AssetCode("Asset-Backed Securities", _OTHER),
    "BA": AssetCode("Bank Accounts, Money Market Accounts and CDs", _OTHER),
    "BK": AssetCode("Brokerage Accounts", _OTHER),
    "CO": AssetCode("Collectibles", _OTHER),
    "CS": AssetCode("Corporate Securities (Bonds and Notes)", AssetType.CORPORATE_BOND),
    "CT": AssetCode("Cryptocurrency", AssetType.CRYPTOCURRENCY),
    "DB": AssetCode("Defined Benefit Pension", _OTHER),
    "DO": AssetCode("Debts Owed to the Filer", _OTHER),
    "DS": AssetCode("Delaware Statutory Trust", _OTHER),
    "EF": AssetCode("Exchange Traded Funds (ETF)", AssetType.FUND),
    "EQ": AssetCode("Excepted/Qualified Blind Trust", _OTHER),
    "ET": AssetCode("Exchange Traded Notes", _OTHER),
    "FA": AssetCode("Farms", _OTHER),
    "FE": AssetCode("Foreign Exchange Position (Currency)", _OTHER),
    "FN": AssetCode("Fixed Annuity", _OTHER),
    "FU": AssetCode("Futures", _OTHER),
    "GS": AssetCode("Government Securities and Agency Debt", AssetType.GOVERNMENT_SECURITY),
    "HE": AssetCode("Hedge Funds & Private Equity Funds (EIF)", AssetType.FUND),
    "HN": AssetCode("Hedge Funds & Private Equity Funds (non-EIF)", AssetType.FUND),
    "IC": AssetCode("Investment Club", _OTHER),
    "IH": AssetCode("IRA (Held in Cash)", _OTHER),
    "IP": AssetCode("Intellectual Property & Royalties", _OTHER),
    "IR": AssetCode("IRA", _OTHER),
    "MA": AssetCode("Managed Accounts (e.g., SMA and UMA)", _OTHER),
    "MF": AssetCode("Mutual Funds", AssetType.FUND),
    "MO": AssetCode("Mineral/Oil/Solar Energy Rights", _OTHER),
    "OI": AssetCode("Ownership Interest (Holding Investments)", _OTHER),
    "OL": AssetCode("Ownership Interest (Engaged in a Trade or Business)", _OTHER),
    "OP": AssetCode("Options", AssetType.STOCK_OPTION),
    "OT": AssetCode("Other", _OTHER),
    "PE": AssetCode("Pensions", _OTHER),
    "PM": AssetCode("Precious Metals", _OTHER),
    "PS": AssetCode("Stock (Not Publicly Traded)", AssetType.NON_PUBLIC_STOCK),
    "RE": AssetCode("Real Estate Invest. Trust (REIT)", _OTHER),
    "RF": AssetCode("REIT (EIF)", _OTHER),
    "RN": AssetCode("REIT (non-EIF)", _OTHER),
    "RP": AssetCode("Real Property", _OTHER),
    "RS": AssetCode("Restricted Stock Units (RSUs)", _OTHER),
    "SA": AssetCode("Stock Appreciation Right", _OTHER),
    "ST": AssetCode("Stocks (including ADRs)", AssetType.STOCK),
    "TR": AssetCode("Trust", _OTHER),
    "VA": AssetCode("Variable Annuity", _OTHER),
    "VI": AssetCode("Variable Insurance", _OTHER),
    "WU": AssetCode("Whole/Universal Insurance", _OTHER),
}
