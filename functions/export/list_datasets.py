"""GET /api/v1/export/research-dataset: the versions of the research dataset."""

from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from export._answers import shown_files
from export._models import DatasetList, DatasetsQuery
from quant.exports import datasets
from quant_http.app import RouteApp
from quant_http.responses import NO_STORE_HEADERS, private_json

app = RouteApp("export.list_datasets")


@app.endpoint(
    summary="List the versions of the research dataset",
    model=DatasetList,
    errors=(422,),
    headers=NO_STORE_HEADERS,
    tags=["export"],
)
async def list_(
    request: Request,  # noqa: ARG001 - every endpoint takes it
    query: Annotated[DatasetsQuery, Query()],
) -> Response:
    """The latest hundred, each with its checksums and with links that last 15 minutes.

    A version says which data and which schema it is of; its files never change. One that is cited
    is found by `version`, however old it is.
    """
    found = datasets.list_datasets(version=query.version, form=query.format)
    return private_json({"data": [_shown(dataset) for dataset in found]})


def _shown(dataset: dict[str, Any]) -> dict[str, Any]:
    files = shown_files(dataset["files"])
    [dictionary] = [file["url"] for file in files if file["name"] == datasets.DICTIONARY]
    rows = {
        file["name"].partition(".")[0]: file["rows"] for file in files if file["rows"] is not None
    }
    return {**dataset, "files": files, "rows": rows, "dictionary_url": dictionary}


handler = app.handler
