import type zh from "./zh";

const en: typeof zh = {
  app: { name: "flyonce", tagline: "One flight sees every matter; each finding goes to the department responsible" },
  nav: { map: "Operations map", inbox: "Department inbox", visits: "Joint visits", figures: "Monthly figures", people: "Accounts and keys", main: "Main navigation", skip: "Skip to content" },
  role: { operator: "Drone operator", centre: "Operations centre", department: "Department", handler: "Department handler", leader: "Department lead", auditor: "Auditor", admin: "Administrator" },
  people: {
    accounts: "Accounts", keys: "Keys", name: "Name", role: "Role", department: "Department", state: "State", open: "Open", closed: "Closed {time}", scopes: "Opens",
    revoked: "Revoked {time}", expires: "Until {time}", lasting: "Until revoked", used: "Last used", never: "Never", none: "There are no keys yet.",
    hint: "To add, close or change: flyonce accounts, flyonce keys, or /api/v1/accounts, /api/v1/keys.",
  },
  session: { logOut: "Log out", language: "中文", expired: "Your session has ended. Please log in again." },
  login: {
    title: "Log in", name: "Account", password: "Password", submit: "Log in", busy: "Logging in…", wrong: "Wrong account or password.",
    needBoth: "Please enter account and password.", demoTitle: "Demo accounts", demoHint: "This system runs on demonstration data; one click logs you in.",
    as: "Log in as", locked: "Too many attempts. Please try again later.", with: "Log in with {name}",
  },
  state: {
    loading: "Loading…", failed: "Could not be loaded", unreachable: "The server cannot be reached. Please check the network.",
    server: "The server failed ({status}): {detail}", notFound: "Not found.", forbidden: "You may not see this.", retry: "Try again", back: "Back",
    close: "Close", none: "None", unknown: "Unknown", notFoundPage: "There is no such page",
  },
  live: { live: "Live", connecting: "Connecting", lost: "Connection lost, reconnecting", newCase: "New case {number}" },
  colour: { red: "Red", yellow: "Yellow", green: "Green", none: "Not graded" },
  kpi: { total: "Cases", red: "Red", yellow: "Yellow", green: "Green", review: "To review", overdue: "Overdue", open: "In work" },
  family: { water: "Waterlogging", waste: "Waste and rubble", fishing: "Fishing", river: "River and water", vehicle: "Uncovered truck", other: "Other matter" },
  caseState: {
    detected: "Detected", pending_review: "To review", rejected: "Rejected", merged: "Merged", opened: "Opened", dispatched: "Dispatched",
    returned: "Returned", arbitration: "Arbitration", in_progress: "In progress", suspended: "Suspended", reported_done: "Reported done",
    pending_verify: "To verify", unverifiable: "Cannot be verified", reworked: "Rework", closed: "Closed", recurred: "Recurred",
  },
  taskState: {
    queued: "Queued", sent: "Sent", signed: "Signed", working: "In work", done: "Reported done", accepted: "Accepted", rework: "Rework",
    refused: "Refused", handed_on: "Handed on", cancelled: "Withdrawn",
  },
  map: {
    title: "Operations map", list: "Cases", shown: "{shown} of {total} cases", filters: "Filters", search: "Find number, address or grid",
    anyState: "Every state", anyMatter: "Every matter", anyColour: "Every colour", clear: "Clear filters",
    empty: "No cases yet. Once a flight is under way, findings appear here live.", noMatch: "No case matches these filters.", more: "Show {n} more",
    layers: "Layers", legend: "Legend", zoomIn: "Zoom in", zoomOut: "Zoom out", fit: "Whole area", follow: "Follow aircraft", open: "Open case",
    locate: "Show on map", chart: "Map of the flight and the cases", closeDrawer: "Close case panel", collapse: "Collapse", expand: "Expand",
    showList: "List", showMap: "Map", seen: "Seen {time}",
    layer: {
      basemap: "Orthophoto", graticule: "Graticule", zones: "Zones", streets: "Roads and streets", footprints: "Photo footprints",
      planned: "Planned path", track: "Flown track", ellipses: "95 % error ellipses", areas: "Extent of findings", cases: "Cases",
    },
    legendItem: {
      planned: "Planned path", flown: "Flown track", aircraft: "Aircraft (heading)", looked: "Photo looked at", notLooked: "Photo not looked at",
      ellipse: "95 % error ellipse", area: "Extent of finding", review: "Hatched: to review", closed: "Grey: ended", district: "District", grid: "Grid cell",
      reservoir: "Source protection", noFishing: "No fishing", water: "Permanent water", road: "Road", management: "Reservoir management",
    },
  },
  flight: {
    none: "No flight at present", photos: "{n} photos", stills: "{n} pictures", video: "Film {name} | Film {name} and others, {n} in all", altitude: "Altitude {n} m", heading: "Heading {n}°", choose: "Choose a flight",
    flying: "Flying", finished: "Ended", planned: "Planned",
  },
  zone: {
    district: "District", grid: "Grid cell", road: "Road", permanent_water: "Permanent water", reservoir_protection_1: "Drinking-water source, first class",
    reservoir_protection_2: "Drinking-water source, second class", reservoir_protection_quasi: "Drinking-water source, outer zone",
    reservoir_management: "Reservoir management range", no_fishing: "No-fishing area", street: "Street", false_alarm_mask: "False-alarm mask",
  },
  case: {
    title: "Case {number}", facts: "Facts", matter: "Matter", place: "Place", error: "Position error (95 %)", grid: "Grid", address: "Address",
    found: "First seen", lastSeen: "Last seen", colour: "Warning colour", state: "State", confidence: "Confidence", extent: "Area", aboutArea: "about {area} (95 %)", mergedInto: "Merged into", mergedCases: "Merged cases", notSame: "Found not to be the same", split: "Make a new case", splitChoose: "Choose the observation", splitHint: "Tick what does not belong here; the new case waits for a review.",
    frames: "Pictures", seenIn: "Observations", rule: "Routing rule and legal basis", ruleNone: "Not dispatched yet: no routing rule has fired.",
    ruleId: "Rule", basis: "Legal basis", clocks: "Deadlines", clocksNone: "No clock is running yet.", observations: "Observations",
    observationsNone: "No observations.", history: "History", historyNone: "Nothing recorded yet.", historyMore: "Show all {n} (with the automatic moves of tasks)", historyLess: "Main events only", tasks: "Department tasks",
    tasksNone: "Not sent to any department yet.", evidence: "Evidence", evidenceNone: "There is no evidence picture.", captured: "Taken {time}", still: "Film {film} · {time} · frame {frame}",
    hash: "SHA-256 of the original", enlarge: "Click for the full picture", actions: "Actions", actionsNone: "There is nothing you may do in this state.",
    smallMap: "Where it is", lead: "Lead", co: "With", deadline: "Dispose by", sign: "Sign by", due: "due", flight: "Flight",
    clue: "A recognition result is a clue, never a penalty: a person has to verify it.", copy: "Copy coordinates", copied: "Copied", amap: "AMap", baidu: "Baidu Maps",
    changed: "{from} → {to}", chain: "Hash in the chain", back: "Back to the map", backInbox: "Back to the inbox", updated: "The case was updated.",
    toTasks: "See tasks", clock: { verify: "Review", sign: "Sign", dispose: "Dispose" }, reviewReasons: "Why a review", suggestions: "Related cases", picture: "{n} of {total}",
    photoOf: "Evidence of {matter}; the finding is boxed",
  },
  event: {
    task: "Task", case_joined: "Observation joined", case_took_in: "Case {number} merged into this one", case_parted: "Case {number} taken out of this one", case_refined: "Observation refined", case_clean_look: "Looked at again, nothing found", case_verified: "Verdict of a re-flight", case_visit_planned: "On a joint visit", case_visit_under_way: "Joint visit began", case_visit_cancelled: "Joint visit cancelled", case_visited: "Joint visit done", case_storm_joined: "Joined a storm", case_storm_left: "Left a storm", case_undecided: "The routing rules name no single lead",
    account_created: "Account created",
  },
  actor: {
    intake: "System · intake", auto_rule: "System · automatic rule", routing: "System · routing", tasks: "System · follows from tasks",
    verification: "System · follows from verification", inbox: "System · inbox", command_line: "System · command line",
  },
  why: {
    autoLevel: "Confidence {confidence} reaches the automatic level {level}", refused: "Refused {n} times", seenAgain: "Seen again: {number}",
    signed: "Signed by every lead", newLead: "Another department leads now", caseClosed: "The case was closed", rule: "{en}",
  },
  reviewReason: {
    matter_always: "this matter always needs a person", below_auto_level: "confidence below the automatic level", red: "red cases need a person",
    required: "the recognition is in doubt", rejected_here: "rejected here before", false_alarm_mask: "inside a false-alarm mask", split_off: "taken out of another case by a person",
  },
  rejection: {
    nothing_there: "Nothing of the kind is there", lookalike: "Something else that looks like it", shadow_or_reflection: "A shadow or a reflection",
    wet_ground: "Wet ground, no standing water", permanent_water: "Permanent water", lawful: "It is there, and it is allowed",
    already_gone: "It was there, and is dealt with", wrong_place: "It is there, but the place is wrong", unclear: "The picture does not tell",
    other: "Something else (say what)",
  },
  suggestion: { perhaps_same: "perhaps the same", rejected_here: "rejected here before" },
  verb: {
    caseState: {
      opened: "Confirm and open", rejected: "Reject", merged: "Merge", dispatched: "Dispatch", suspended: "Suspend", in_progress: "Resume",
      closed: "Verify and close", reworked: "Send back for rework", unverifiable: "Cannot be verified", pending_verify: "Verify again", pending_review: "Undo the merge",
    },
    taskState: { signed: "Sign", working: "Start work", done: "Report done", refused: "Refuse", handed_on: "Hand on", cancelled: "Withdraw" },
  },
  action: {
    confirm: "Confirm", cancel: "Cancel", reason: "Reason", reasonHint: "Please give the reason; it goes into the history.",
    reasonCode: "Cause", chooseReason: "Choose the cause", reasonCodeHint: "The cause teaches the models.", note: "Note",
    labelIs: { wrong: "The recognition is wrong", right: "It is right, but no case", unknown: "Cannot be told, or something else" },
    missing: {
      reasonCode: "Choose the cause, or write why if none fits.", reason: "This needs a reason.", lead: "Choose the department that leads.", until: "Choose date and time.", duplicateOf: "Choose the other case.",
      department: "Choose a department.",
    },
    lead: "Leading department", department: "Hand on to", until: "Suspended until", duplicateOf: "The same as", chooseDepartment: "Choose a department", chooseCase: "Choose a case", optional: "(optional)", sure: "{action}?", busy: "Sending…", done: "Done: {action}",
    conflict: "Nothing was changed: the state has moved on, or does not allow this.", conflictAllowed: "Possible now: {allowed}.",
    listSep: ", ", conflictNone: "There is nothing you may do now.", forbidden: "Nothing was changed: you may not do this.", failed: "Nothing was changed: {detail}",
    noteHint: "You may add a note.",
  },
  lightbox: { title: "Evidence picture", zoomIn: "Zoom in", zoomOut: "Zoom out", reset: "Fit to window", marked: "Marked", full: "Whole picture", hint: "Wheel or +/− zooms, drag moves, Esc closes" },
  inbox: {
    title: "Department inbox", tabs: { todo: "To sign", doing: "In work", done: "Done", all: "All" }, empty: "No tasks.",
    emptyTab: "No tasks under this tab.", newTask: "A new task has come in", address: "Address unknown", deadline: "{left} left to dispose",
    sign: "{left} left to sign", overdue: "Overdue by {left}", signOverdue: "Signing overdue by {left}", noDeadline: "No deadline set", detail: "Task",
    openMap: "Open in map app", casePage: "See the whole case", received: "Sent {time}", department: "Department", role: "Part", choose: "Choose a task on the left.",
    number: "Case number", rule: "Routing rule", loadingTask: "Loading the task…",
  },
  visit: {
    title: "Joint visits", planned: "Visits", suggested: "Suggested visits", day: "Day", suggestHint: "Open cases of one place (within {m} m, errors of position included): one stop, one list.",
    noneSuggested: "Nothing to put together on this day.", none: "No joint visits yet.", plan: "Plan the visit", planning: "Planning…", cases: "{n} cases", lines: "{done} of {n} lines reported", dueToday: "Due that day",
    departments: "Departments", back: "Back to the visits", list: "List and results", results: "Results", checklist: "What to look at", evidence: "Evidence asked for", result: "Result", note: "Note",
    report: "Report our result", reported: "Reported.", answers: { ok: "In order", problem: "Not in order", not_applicable: "Not applicable" },
    lineResults: { done: "Dealt with", not_done: "Not dealt with", nothing_found: "Nothing found there" }, waiting: "No result yet", of: "By {name}, {time}",
    signatures: "Signatures", sign: "Sign", signHere: "Sign here", signName: "Name", clear: "Clear", signed: "Signed.", signedBefore: "Changed since it was signed", changedMeanwhile: "Somebody else has just changed this. Here is how it stands now; look at it and try again.", noSignatures: "Nobody has signed.",
    actCodes: "Codes of administrative acts", actCode: "Our department's act code", save: "Save", saved: "Saved.", seal: "Seal", sealHolds: "Unchanged since it was sealed", sealBroken: "Changed after it was sealed!",
    reason: "Reason (to cancel)", updated: "The visit has been updated.", verb: { under_way: "Begin the visit", done: "End the visit", cancelled: "Cancel the visit" }, lead: "Leads", co: "Helps",
  },
  storm: {
    on: "Storm", banner: "{name}: {n} waterlogged places, ranked by danger; units get tables instead of single messages", open: "See the table", suggest: "{n} new waterlogged places: storm mode is suggested", begin: "Begin storm mode",
    name: "Name of the storm", table: "Places by danger", rank: "No.", place: "Place", danger: "Danger", why: "Why", unknown: "Unknown", area: "Area", units: "Units", told: "Told {time}", notTold: "Not told",
    end: "End the storm", endReason: "Reason", tell: "Send the tables now", toldNow: "Sent to {n} units.", over: "Over", deadline: "Deadline", started: "Began {time}", back: "Back to the map", tasks: "{n} tasks", none: "No water cases yet.",
  },
  figures: {
    title: "Monthly figures", month: "Month", basis: "By the month of dispatch; figures follow what becomes of the cases. Definitions: docs/figures.md.", csv: "Download table", byDepartment: "By department", byMatter: "By matter", all: "Whole city",
    none: "No cases were dispatched in this month.", chart: "Five rates by department", department: "Department", matter: "Matter", dispatched: "Dispatched", closed: "Closed", onTime: "On time", reworked: "Sent back", putOff: "Put off", recurred: "Came back", suspended: "Hours suspended",
    rate: { closing_rate: "Closed", on_time_rate: "Closed on time", rework_rate: "Sent back", delay_rate: "Put off", recurrence_rate: "Came back" },
  },
  proof: {
    title: "Verdicts of re-flights", before: "Before", after: "Re-flight", looks: "{n} sure looks, {cm} cm per pixel", lacks: "Lacks: ", lack: { looks: "looks", resolution: "resolution", wait: "waiting time", confidence: "confidence" },
    confirm: "Confirm and close", sendBack: "Not fixed: send back", closeReason: "Re-flight {flight}: fixed", backReason: "Re-flight {flight}: not fixed", noPicture: "No picture", flight: "Flight {flight}, {time}",
  },
  unit: { day: "{n} d", hour: "{n} h", minute: "{n} min", sep: " " },
  clock: { left: "{left} left", over: "overdue by {left}" },
};

export default en;
