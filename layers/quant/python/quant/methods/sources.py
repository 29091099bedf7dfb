"""Sources that methods of more than one area follow."""

from typing import Final

from quant.methods import Source

BENJAMINI_HOCHBERG: Final = Source(
    citation="Benjamini and Hochberg (1995), Controlling the False Discovery Rate, Journal of the "
    "Royal Statistical Society B 57",
    url="https://doi.org/10.1111/j.2517-6161.1995.tb02031.x",
)
CATEGORIES_OF_VALUE: Final = Source(
    citation="5 U.S.C. 13104(d)(1), the categories of value",
    url="https://www.law.cornell.edu/uscode/text/5/13104",
)
COMMITTEE_JURISDICTIONS: Final = Source(
    citation="Rules of the House of Representatives, Rule X, clause 1; Standing Rules of the "
    "Senate, Rule XXV, paragraph 1",
)
DIEBOLD_MARIANO: Final = Source(
    citation="Diebold and Mariano (1995), Comparing Predictive Accuracy, Journal of Business and "
    "Economic Statistics 13",
    url="https://doi.org/10.1080/07350015.1995.10524599",
)
FAMA_1998: Final = Source(
    citation="Fama (1998), Market efficiency, long-term returns, and behavioral finance, Journal "
    "of Financial Economics 49",
    url="https://doi.org/10.1016/S0304-405X(98)00026-9",
)
GNEITING_RAFTERY: Final = Source(
    citation="Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and "
    "Estimation, Journal of the American Statistical Association 102",
    url="https://doi.org/10.1198/016214506000001437",
)
LANCASTER: Final = Source(
    citation="Lancaster (1961), Significance Tests in Discrete Distributions, Journal of the "
    "American Statistical Association 56",
    url="https://doi.org/10.1080/01621459.1961.10482105",
)
LAZARUS: Final = Source(
    citation="Lazarus, Lewis, Stock and Watson (2018), HAR Inference: Recommendations for "
    "Practice, Journal of Business and Economic Statistics 36",
    url="https://doi.org/10.1080/07350015.2018.1506926",
)
MACKINLAY: Final = Source(
    citation="MacKinlay (1997), Event Studies in Economics and Finance, Journal of Economic "
    "Literature 35",
)
NEWEY_WEST: Final = Source(
    citation="Newey and West (1987), A Simple, Positive Semi-Definite, Heteroskedasticity and "
    "Autocorrelation Consistent Covariance Matrix, Econometrica 55",
    url="https://doi.org/10.2307/1913610",
)
SAKOE_CHIBA: Final = Source(
    citation="Sakoe and Chiba (1978), Dynamic Programming Algorithm Optimization for Spoken Word "
    "Recognition, IEEE Transactions on Acoustics, Speech, and Signal Processing 26",
    url="https://doi.org/10.1109/TASSP.1978.1163055",
)
SKELLAM: Final = Source(
    citation="Skellam (1948), A Probability Distribution Derived from the Binomial Distribution, "
    "Journal of the Royal Statistical Society B 10",
)
WILSON: Final = Source(
    citation="Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, "
    "Journal of the American Statistical Association 22",
    url="https://doi.org/10.1080/01621459.1927.10502953",
)
