"""Federal working days: the holidays of 5 U.S.C. 6103(a), where they are observed, closures, and counting with its proof."""

from common.federal_calendar.calendar import DayOff, FederalCalendar, Reckoning
from common.federal_calendar.closures import Closure, load_closures
from common.federal_calendar.holidays import Kind

__all__ = ["Closure", "DayOff", "FederalCalendar", "Kind", "Reckoning", "load_closures"]
