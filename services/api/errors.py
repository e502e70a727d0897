"""Every error of a request, answered as a problem document."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.api.problems import Problem, unavailable, wrong_parameter
from shared.errors import EconstreamError, Transient
from shared.observability import get_logger

_log = get_logger(__name__)


def install(app: FastAPI) -> None:
    """Answer with problem documents whatever a route raises."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, exc: Problem) -> Response:
        return exc.response(request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, exc: HTTPException) -> Response:
        detail = _DETAILS.get(exc.status_code, str(exc.detail))
        code = HTTPStatus(exc.status_code).phrase.lower().replace(" ", "-")
        problem = Problem(exc.status_code, code, detail, exc.headers)
        return problem.response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, exc: RequestValidationError) -> Response:
        first = exc.errors()[0]
        name = str(first["loc"][-1]) if first["loc"] else "request"
        return wrong_parameter(name, first["msg"]).response(request.url.path)

    @app.exception_handler(Transient)
    async def _transient(request: Request, exc: Transient) -> Response:
        _log.warning("unavailable", reason=str(exc))
        return unavailable("the database is away or busy").response(request.url.path)

    @app.exception_handler(EconstreamError)
    async def _unexpected(request: Request, exc: EconstreamError) -> Response:
        _log.error("unanswerable", reason=str(exc), error=type(exc).__name__)
        detail = "the database does not fit this API; its operator finds the reason in the log"
        return Problem(500, "internal-error", detail).response(request.url.path)


_DETAILS = {
    404: "there is nothing at this path; /docs lists what there is",
    405: "the path exists, but not with this method; the Allow header says which it takes",
}
