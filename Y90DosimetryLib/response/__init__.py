"""From what readers measured over time to mRECIST, localized and overall, with the thrombus rules of the cohort."""

from .course import Course, StudyResponse, agreed, response_of
from .terms import Readings, Response, Scope
from .thrombi import ThrombusState
from .tumors import Followed, TumorStudy

__all__ = [
    "Course",
    "Followed",
    "Readings",
    "Response",
    "Scope",
    "StudyResponse",
    "ThrombusState",
    "TumorStudy",
    "agreed",
    "response_of",
]
