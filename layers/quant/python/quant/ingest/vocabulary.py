"""Closed vocabularies of the import: why a row was rejected, what a parser noted on a trade."""

from enum import StrEnum


class RejectReason(StrEnum):
    """Why a source row did not become a trade, member, seat, price or return."""

    ROW_MALFORMED = "row_malformed"
    PAPER_FILING = "paper_filing"
    MEMBER_UNREADABLE = "member_unreadable"
    FILING_UNREADABLE = "filing_unreadable"
    FILING_OF_ANOTHER_MEMBER = "filing_of_another_member"
    TRANSACTION_DATE_UNREADABLE = "transaction_date_unreadable"
    TRANSACTION_DATE_IMPLAUSIBLE = "transaction_date_implausible"
    OPERATION_UNREADABLE = "operation_unreadable"
    AMOUNT_UNREADABLE = "amount_unreadable"
    LEGISLATOR_UNREADABLE = "legislator_unreadable"
    COMMITTEE_UNREADABLE = "committee_unreadable"
    MEMBERSHIP_UNKNOWN = "membership_unknown"
    TICKER_UNREADABLE = "ticker_unreadable"
    DAY_UNREADABLE = "day_unreadable"
    DAY_REPEATED = "day_repeated"
    FACTORS_MISSING = "factors_missing"
    FACTORS_UNREADABLE = "factors_unreadable"
    PRICE_UNREADABLE = "price_unreadable"


class Note(StrEnum):
    """What a parser could not read in a trade, or had to mend."""

    ASSET_MISSING = "asset_missing"
    ASSET_TYPE_UNREADABLE = "asset_type_unreadable"
    TICKER_UNREADABLE = "ticker_unreadable"
    TEXT_UNREADABLE = "text_unreadable"  # the document does not say which characters some are
    FILING_STATUS_UNREADABLE = "filing_status_unreadable"
    CAPITAL_GAINS_UNREADABLE = "capital_gains_unreadable"
    OPTION_TERMS_UNCLEAR = "option_terms_unclear"
    OWNER_UNREADABLE = "owner_unreadable"
    AMOUNT_UPPER_BOUND_MENDED = "amount_upper_bound_mended"
    AMOUNT_NOT_A_CATEGORY = "amount_not_a_category"
    NOTIFICATION_DATE_UNREADABLE = "notification_date_unreadable"
    NOTIFICATION_BEFORE_TRANSACTION = "notification_before_transaction"
    NOTIFICATION_AFTER_DISCLOSURE = "notification_after_disclosure"
    NOTIFICATION_AFTER_SIGNATURE = "notification_after_signature"
    DISCLOSURE_BEFORE_TRANSACTION = "disclosure_before_transaction"
    # The source has the notification date only (docs/data.md), and no index has the filing.
    DISCLOSURE_DATE_UNKNOWN = "disclosure_date_unknown"
    # The source keeps, of the filings that report a line, the last one only (docs/data.md).
    EARLIER_FILING_UNKNOWN = "earlier_filing_unknown"
    SOURCE_DOUBTS_DATES = "source_doubts_dates"
    TICKER_INFERRED = "ticker_inferred"  # by the source, where the form states none; left out
    # The settlement's: a line or a report says that it amends another, and which is in doubt.
    AMENDED_LINE_UNKNOWN = "amended_line_unknown"
    AMENDED_REPORT_UNKNOWN = "amended_report_unknown"
