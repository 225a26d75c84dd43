// Written by `make schemas` from the frames of the chat gateway and the entries of `common.contracts.chat`: change them there.
// A newer gateway may send frames, kinds and members that stand here not yet; whoever reads them passes over those.

export const PROTOCOL = 1;

/** Take the session that was offered, from the queue or by a colleague. */
export interface Accept {
  type: "accept";
  session_id: string;
}

/** Somebody with a proven authority comes into the conversation of the person for whom they act. */
export interface AccompanyPerson {
  type: "accompany";
  session_id: string;
  /** The entry of the register of authorities */
  authority_id: string;
}

/** The message is durable under this number. */
export interface Ack {
  type: "ack";
  session_id: string;
  client_id: string;
  seq: number;
  digest: string;
  at: string;
  /** Of the commitment to what was said: the sender completes its own entry with it */
  salt: string;
}

/** For supervisors and security: a colleague calls for help. For the one who called: how it stands. */
export interface AlarmFrame {
  alarm_id: string;
  at: string;
  cause: "threat" | "violence" | "self-harm" | "medical" | "other";
  agent: string;
  office: string;
  session_id?: string;
  answered_by?: string;
  answered_at?: string;
  type: "alarm";
  state: "raised" | "escalated" | "answered";
  /** False while the database is out of reach: it follows */
  recorded?: boolean;
}

/** Somebody saw a call for help and sees to it. */
export interface AnswerAlarm {
  type: "assist";
  alarm_id: string;
}

/** An answer of the register, in the version that was sent. */
export interface AnswerUsed {
  id: string;
  version: number;
}

/** An agent takes offers from now on. */
export interface Available {
  type: "available";
  /** Sessions at once; at most what the agency allows */
  capacity?: number;
}

/** An agent takes no more offers; what they have stays theirs. */
export interface Away {
  type: "away";
}

/** A rule that a text breaks: never the words themselves. */
export interface BrokenRule {
  rule: string;
  verdict: "warn" | "block";
  cites: string;
  says: string;
  change: string;
  /** With one of these an employee may send it all the same */
  reasons: string[];
  /** Beginning and end of each place, in characters */
  places: number[][];
  /** An answer of the register that may be sent instead */
  suggests?: string;
}

/** An employee asks what the rules say of a text before sending it. It is kept nowhere. */
export interface CheckDraft {
  type: "check";
  session_id: string;
  /** Comes back with the answer */
  client_id?: string;
  text: string;
}

/** What the rules say of a draft. */
export interface Checked {
  type: "checked";
  session_id: string;
  client_id?: string;
  verdict: "allow" | "warn" | "block";
  rules: BrokenRule[];
}

export interface CloseSession {
  type: "close";
  session_id: string;
}

/** The session ended: `seq` is the number of all its entries and `digest` covers them all. */
export interface Closed {
  type: "closed";
  session_id: string;
  seq: number;
  digest: string;
  reason: string;
}

export interface CustomerPii {
  /** Random; makes the commitment say nothing */
  salt?: string;
  /** The person's account at the identity provider (`sub`) */
  account_id?: string;
  display_name: string;
}

export interface Decline {
  type: "decline";
  session_id: string;
  reason: "other-expertise" | "language" | "conflict-of-interest" | "busy" | "technical";
}

/** How the receiver's desk stands. */
export interface DeskFrame {
  type: "desk";
  available: boolean;
  capacity?: number;
  /** `did-not-answer`: an offer passed unanswered, so no more come */
  why?: string;
}

/** An employee calls for help, with one key: nothing but the type is needed. */
export interface Duress {
  type: "duress";
  /** The session in which it happens */
  session_id?: string;
  cause?: "threat" | "violence" | "self-harm" | "medical" | "other";
}

export interface EmployeePii {
  /** Random; makes the commitment say nothing */
  salt?: string;
  /** The employee's personal identification number */
  pin?: string;
  display_name: string;
}

export interface ErrorFrame {
  type: "error";
  code: string;
  status: number;
  detail: string;
  field?: string;
  session_id?: string;
  client_id?: string;
  retryable?: boolean;
  /** Number of the message that the sender has not seen */
  seq?: number;
  /** What an employee's words break */
  rules?: BrokenRule[];
  /** Levels that a new authentication must reach (RFC 9470) */
  acr_values?: string[];
  /** Seconds since the authentication at most (RFC 9470) */
  max_age?: number;
}

/** A customer who was warned asks for more time. */
export interface Extend {
  type: "extend";
  session_id: string;
}

/** The first frame, unless the token came in the Authorization header; later, a fresh token for the same person. */
export interface Hello {
  type: "hello";
  token?: string;
  /** For a token that is bound to a key: a DPoP proof (RFC 9449) for GET and this socket's address */
  proof?: string;
  language?: string;
  /** The client also takes messages that are an array of frames: those that are due at the same time */
  arrays?: boolean;
}

export interface Hold {
  type: "hold";
  session_id: string;
  /** After these it goes on by itself */
  seconds?: number;
}

/** How long it will probably take: an interval, never a point. */
export interface IntervalOut {
  least_seconds: number;
  most_seconds: number;
  /** With what chance the interval holds, at least, if waits are as they were lately */
  coverage: number;
  /** How often such intervals held lately, made from what was known then */
  tested_coverage?: number;
  /** How many waits it was made from */
  known_from: number;
}

/** An agent picks a waiting session from the queue. */
export interface Join {
  type: "join";
  session_id: string;
}

/** A waiting customer leaves and keeps the place in the queue, or leaves what was said as a message. */
export interface KeepPlace {
  type: "leave";
  session_id: string;
  /** Leave what was said for whoever serves next: the session waits on, whether or not the customer stays */
  message?: boolean;
}

/** Somebody else has the session now, or it waits again: this receiver hears no more of it. */
export interface Left {
  type: "left";
  session_id: string;
}

/** The entries up to this number have come, or were shown to a person who could read them. */
export interface Mark {
  type: "receipt";
  session_id: string;
  kind: "delivered" | "read";
  /** The last entry it covers, and all before it */
  up_to: number;
}

export interface MaskedPlace {
  span: number;
  /** Kind of the taxonomy that is masked */
  kind: string;
  /** Where the mark begins in the text as it is shown, in characters */
  at: number;
  length: number;
}

export interface MessagePii {
  /** Random; makes the commitment say nothing */
  salt?: string;
  text: string;
}

/** One contribution by one participant: their own words, unless it says otherwise. */
export interface MessagePosted {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** SHA-256 of the canonical pii, its salt included */
  commitment: string;
  /** The answer of the register that was sent, if it is one */
  answer?: AnswerUsed;
  /** The words are somebody else's (a letter that is quoted); missing: whoever `role` names wrote them */
  source?: "third-party";
  pii: MessagePii;
}

/** A supervisor listens to a conversation of somebody whom they supervise. Its customer never learns of it. */
export interface Monitor {
  type: "monitor";
  session_id: string;
  purpose: "quality-review" | "training" | "performance-assessment" | "program-administration";
}

/** For the employee, where the agency tells them: somebody begins to listen, or ends. */
export interface Monitored {
  type: "monitored";
  session_id: string;
  state: "began" | "ended";
}

/** A note, for employees who have the session. Those from before come when they take it or come back. */
export interface NoteFrame {
  session_id: string;
  /** Notes of a session count 1, 2, 3 …, apart from its entries */
  number: number;
  /** The `client_id` under which it was written */
  note_id: string;
  at: string;
  /** Who wrote it */
  participant_id: string;
  display_name: string;
  text: string;
  type: "note";
}

export interface NoticeFrame {
  version: string;
  language: string;
  /** SHA-256 of version, language, title and sections as sorted JSON */
  digest: string;
  effective_from: string;
  title: string;
  sections: NoticeSection[];
  /** Languages in which this version can be had */
  languages: string[];
  type: "notice";
}

/** The statement that the customer acknowledged. */
export interface NoticeRef {
  version: string;
  digest: string;
  language: string;
}

export interface NoticeSection {
  id: string;
  heading: string;
  text: string[];
}

/** The Privacy Act statement (5 U.S.C. 552a(e)(3)) as it was shown, by version and by the digest of its text. */
export interface NoticeShown {
  version: string;
  digest: string;
  language: string;
  acknowledged_at: string;
}

/** Somebody asks the receiver to take a session. Nothing of what was said in it is told before they accept. */
export interface OfferFrame {
  type: "offer";
  session_id: string;
  how: "queue" | "transfer";
  topic: string;
  language: string;
  priority?: string;
  waited_seconds: number;
  until: string;
}

/** The receiver is not asked any more: they answered, the time is over, or it was taken back. */
export interface OfferGone {
  type: "offer_gone";
  session_id: string;
}

/** A customer opens a session and thereby acknowledges the statement shown on this connection. */
export interface Open {
  type: "open";
  /** The client's own id for this session; sending it again opens no second one */
  client_id: string;
  /** Coded topic */
  topic: string;
  /** Version of the statement that was shown and is acknowledged */
  notice_version: string;
  /** Its digest, which tells the language too. On a socket it may be left out; over HTTP it shows that the statement was had */
  notice_digest?: string;
  /** Where nobody serves the topic now: leave what is said for whoever does next */
  leave_message?: boolean;
  /** Token of a place in the queue that was kept; it is good once */
  place?: string;
}

/** A session was opened (customer), taken (agent), resumed, or is listened to (supervisor): how it stands now. Its entries after the cursor follow.  On reconnecting this is all of its state: whoever missed any change holds the same as everybody else after it. */
export interface Opened {
  type: "opened" | "joined" | "resumed" | "monitoring";
  session_id: string;
  /** The receiver's own id in this session */
  participant_id: string;
  client_id?: string;
  /** The cursor: entries with greater numbers follow */
  after_seq: number;
  /** The last entry's number at this moment; live entries follow after it */
  last_seq: number;
  /** The running digest as of the last entry */
  digest: string;
  status: "waiting" | "active" | "held" | "closed";
  topic: string;
  language: string;
  /** The employee who has it; who had it last when it is closed */
  owner?: string;
  /** While it is on hold */
  held_until?: string;
  /** When silence ends it, once that was announced */
  closes_at?: string;
  notice: NoticeRef;
  /** Everybody who took part so far */
  participants: ParticipantOut[];
  /** How far each of them received and read it */
  receipts: Receipt[];
  /** For a waiting customer who resumes: the place in the queue */
  queue?: PlaceOut;
}

/** An employee took part from here on. */
export interface ParticipantJoined {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** SHA-256 of the canonical pii, its salt included */
  commitment: string;
  office: string;
  region: string;
  pii: EmployeePii;
}

export interface ParticipantOut {
  participant_id: string;
  role: string;
  display_name: string;
  joined_at: string;
}

/** The employee found how the person stands to what they ask about: a party to it, or nobody who may hear of it. */
export interface PersonRegarded {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  standing: "party" | "stranger";
  basis: "asks-about-another" | "identity-in-doubt" | "authority-shown" | "mistake";
}

export interface Ping {
  type: "ping";
}

/** The place is kept: `open` with this token stands where this session stood, once, until then. No token where a message was left: the session itself waits on. */
export interface PlaceFrame {
  type: "place";
  session_id: string;
  token?: string;
  valid_until?: string;
}

export interface PlaceOut {
  session_id: string;
  /** 1 is the next to be served */
  place: number;
  of: number;
  /** None: not enough is known */
  wait?: IntervalOut;
  /** Other ways to reach the agency, coded; `/v1/topics` names them */
  other_channels: string[];
  /** The topic's longest wait has passed: other ways may be better */
  longer_than_promised: boolean;
  /** How often others than the topic's own experts were asked in too, or other ways were offered */
  steps?: number;
  /** What the agency offers instead of waiting on: `leave`, with `message` or without */
  offers?: ("leave-message" | "keep-place")[];
}

export interface Pong {
  type: "pong";
}

/** An employee saw a reason to serve somebody sooner. */
export interface Prioritise {
  type: "prioritise";
  session_id: string;
  reason: string;
}

/** Where a waiting customer stands; comes again when it changes. */
export interface QueueFrame {
  session_id: string;
  /** 1 is the next to be served */
  place: number;
  of: number;
  /** None: not enough is known */
  wait?: IntervalOut;
  /** Other ways to reach the agency, coded; `/v1/topics` names them */
  other_channels: string[];
  /** The topic's longest wait has passed: other ways may be better */
  longer_than_promised: boolean;
  /** How often others than the topic's own experts were asked in too, or other ways were offered */
  steps?: number;
  /** What the agency offers instead of waiting on: `leave`, with `message` or without */
  offers?: ("leave-message" | "keep-place")[];
  type: "queue";
}

/** How far a participant has received or read, and since when. */
export interface Receipt {
  participant_id: string;
  kind: "delivered" | "read";
  /** The last entry it covers, and all before it */
  up_to: number;
  at: string;
}

/** Somebody in the session received or read further; comes to both sides once it is durable. */
export interface ReceiptFrame {
  participant_id: string;
  kind: "delivered" | "read";
  /** The last entry it covers, and all before it */
  up_to: number;
  at: string;
  type: "receipt";
  session_id: string;
}

/** An employee found how the person stands to what they ask about. A stranger gets the acknowledgement and nothing else. */
export interface RegardPerson {
  type: "regard";
  session_id: string;
  standing: "party" | "stranger";
  basis: "asks-about-another" | "identity-in-doubt" | "authority-shown" | "mistake";
}

export interface ReleaseHold {
  type: "unhold";
  session_id: string;
}

/** Somebody with a proven authority to act for the person takes part from here on. */
export interface RepresentativeJoined {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** SHA-256 of the canonical pii, its salt included */
  commitment: string;
  /** The entry of the register under which the proof is filed */
  authority_id: string;
  authority: "representative" | "guardian" | "representative-payee" | "attorney";
  pii: CustomerPii;
}

/** Take part again: everything after `after_seq`, then what follows. */
export interface Resume {
  type: "resume";
  session_id: string;
  after_seq: number;
}

/** An employee needs to see one masked place of one message. Each is recorded with its reason. */
export interface Reveal {
  type: "reveal";
  session_id: string;
  /** Number of the message */
  seq: number;
  /** Which of its masked places */
  span: number;
  reason: "verify-identity" | "needed-for-the-answer" | "customer-asked" | "safety";
}

/** What stands at one masked place. */
export interface Revealed {
  type: "revealed";
  session_id: string;
  seq: number;
  span: number;
  kind: string;
  text: string;
}

export interface Send {
  type: "send";
  session_id: string;
  /** The client's own id for this message; sending it again is the same message */
  client_id: string;
  text: string;
  /** Number of the last entry that the sender has seen: refused if somebody else said something since */
  seen_seq?: number;
  /** The words are somebody else's, a letter for one; the entry says so */
  third_party?: boolean;
  /** Why an employee says what the check of drafts warns of; it is recorded */
  reason?: "customers-own" | "public-contact" | "authorised-third-person";
}

/** The session ended; this is its last entry, so `seq` is the number of all entries and `digest` covers all. */
export interface SessionClosed {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  reason: "customer_left" | "agent_closed" | "inactive" | "abandoned" | "place_kept" | "shutdown";
}

/** The employee put the session on hold. */
export interface SessionHeld {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** When it goes on by itself, RFC 3339 */
  until: string;
}

/** A member of the public opened a session, knowing the notice. */
export interface SessionOpened {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** SHA-256 of the canonical pii, its salt included */
  commitment: string;
  /** Coded topic of the conversation */
  chat_topic: string;
  notice: NoticeShown;
  /** NIST SP 800-63 identity assurance level */
  identity_assurance: number;
  authenticator_assurance: number;
  authenticated_at: string;
  classification?: "unclassified";
  pii: CustomerPii;
}

/** The hold is over. */
export interface SessionResumed {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  cause: "agent" | "time";
}

/** The session went back to the queue, at the place it had; `role` says whether its employee or the gateway did that. */
export interface SessionReturned {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** Coded topic from here on */
  chat_topic: string;
  reason: "other-expertise" | "language" | "shift-ends" | "conflict-of-interest" | "customer-asked" | "technical" | "line-lost";
}

/** An employee took the session over from another, who had asked and had it until then. */
export interface SessionTransferred {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** SHA-256 of the canonical pii, its salt included */
  commitment: string;
  from_participant_id: string;
  reason: "other-expertise" | "language" | "shift-ends" | "conflict-of-interest" | "customer-asked" | "technical" | "line-lost";
  office: string;
  region: string;
  pii: EmployeePii;
}

/** The customer asked for more time. */
export interface SilenceExtended {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
}

/** The customer was told that silence ends the session, and when (WCAG 2.2, 2.2.1). */
export interface SilenceWarned {
  session_id: string;
  seq: number;
  /** The sender's own id for this entry; sending it again is the same entry */
  entry_id: string;
  /** Who made the entry; an id of this session only, no person's number */
  participant_id: string;
  role: "customer" | "representative" | "agent" | "supervisor" | "system";
  at: string;
  /** Running digest over entries 1..seq */
  digest: string;
  /** RFC 3339 */
  closes_at: string;
  /** How often the customer may still ask for more time */
  extensions_left: number;
}

/** A supervisor who listens joins the conversation, for everybody to see. */
export interface StepIn {
  type: "enter";
  session_id: string;
}

export interface StopMonitoring {
  type: "unmonitor";
  session_id: string;
}

/** Ask a colleague to take a session over, or without `agent` give it back to the queue, perhaps under another topic. */
export interface Transfer {
  type: "transfer";
  session_id: string;
  agent?: string;
  topic?: string;
  reason: "other-expertise" | "language" | "shift-ends" | "conflict-of-interest" | "customer-asked" | "technical";
}

/** How a transfer goes that the receiver asked for. */
export interface TransferFrame {
  type: "transfer";
  session_id: string;
  state: "asked" | "withdrawn" | "returned";
  until?: string;
}

/** The sender types, or stopped. It takes on or off and nothing else: what is not sent is not collected. */
export interface Typing {
  type: "typing";
  session_id: string;
  on: boolean;
}

/** Another participant types, or stopped. It counts for eight seconds unless it comes again. */
export interface TypingFrame {
  type: "typing";
  session_id: string;
  participant_id: string;
  on: boolean;
}

/** An employee sends an answer of the register, by id and version. It has no place to fill in. */
export interface UseAnswer {
  type: "answer";
  session_id: string;
  /** The client's own id for this message; sending it again is the same message */
  client_id: string;
  answer: string;
  version: number;
  /** As in `send` */
  seen_seq?: number;
}

export interface Welcome {
  type: "welcome";
  protocol?: number;
  roles: string[];
  /** When the token expires; the connection is closed then (4001) */
  expires_at: string;
  max_text_bytes?: number;
}

/** What a supervisor says to the employee who has the conversation. `participant_id` is the supervisor's watch. */
export interface Whisper {
  session_id: string;
  /** Notes of a session count 1, 2, 3 …, apart from its entries */
  number: number;
  /** The `client_id` under which it was written */
  note_id: string;
  at: string;
  /** Who wrote it */
  participant_id: string;
  display_name: string;
  text: string;
  type: "whisper";
}

/** Ask the colleague no longer. */
export interface WithdrawTransfer {
  type: "withdraw";
  session_id: string;
}

/** An employee writes a note for colleagues. It is no entry of the session: no customer's connection ever gets it. */
export interface WriteNote {
  type: "note";
  session_id: string;
  /** The client's own id for this note; sending it again is the same note */
  client_id: string;
  text: string;
}

/** A supervisor who listens says something to the employee who has the conversation, and to nobody else. */
export interface WriteWhisper {
  type: "whisper";
  session_id: string;
  /** The client's own id for it; sending it again is the same whisper */
  client_id: string;
  text: string;
}

/** An entry of the session; `entry` is the event's data as `common.contracts.chat` describes it, opened. */
export interface EntryOf<K extends string, E> {
  type: "entry";
  kind: K;
  entry: E;
  /** Places that are masked for this reader; `reveal` shows one of them */
  masked?: MaskedPlace[];
  /** Members left out for this reader; the commitment covers them */
  withheld?: string[];
}

/** An entry of a session, by its kind. */
export type EntryFrame =
  | EntryOf<"opened", SessionOpened>
  | EntryOf<"joined", ParticipantJoined>
  | EntryOf<"message", MessagePosted>
  | EntryOf<"transferred", SessionTransferred>
  | EntryOf<"returned", SessionReturned>
  | EntryOf<"held", SessionHeld>
  | EntryOf<"resumed", SessionResumed>
  | EntryOf<"warned", SilenceWarned>
  | EntryOf<"extended", SilenceExtended>
  | EntryOf<"accompanied", RepresentativeJoined>
  | EntryOf<"regarded", PersonRegarded>
  | EntryOf<"closed", SessionClosed>;

/** What a client says. */
export type ClientFrame =
  | Accept
  | AccompanyPerson
  | UseAnswer
  | AnswerAlarm
  | Available
  | Away
  | CheckDraft
  | CloseSession
  | Decline
  | Duress
  | StepIn
  | Extend
  | Hello
  | Hold
  | Join
  | KeepPlace
  | Monitor
  | WriteNote
  | Open
  | Ping
  | Prioritise
  | Mark
  | RegardPerson
  | Resume
  | Reveal
  | Send
  | Transfer
  | Typing
  | ReleaseHold
  | StopMonitoring
  | WriteWhisper
  | WithdrawTransfer;

/** What the gateway says. */
export type ServerFrame =
  | Ack
  | AlarmFrame
  | Checked
  | Closed
  | DeskFrame
  | EntryFrame
  | ErrorFrame
  | Opened
  | Left
  | Monitored
  | NoteFrame
  | NoticeFrame
  | OfferFrame
  | OfferGone
  | PlaceFrame
  | Pong
  | QueueFrame
  | ReceiptFrame
  | Revealed
  | TransferFrame
  | TypingFrame
  | Welcome
  | Whisper;

/** Why something was refused; PROTOCOL.md says what to do. */
export type ErrorCode =
  | "acknowledgement-only"
  | "answer-not-in-force"
  | "classified-marking"
  | "client-id-reused"
  | "cursor-ahead"
  | "draft-blocked"
  | "draft-needs-reason"
  | "forbidden"
  | "frame-too-large"
  | "internal"
  | "malformed-frame"
  | "not-designated"
  | "not-in-this-state"
  | "not-stored-yet"
  | "nothing-masked"
  | "notice-not-acknowledged"
  | "outside-hours"
  | "session-closed"
  | "text-too-long"
  | "token-expired"
  | "too-many-connections"
  | "too-many-frames"
  | "too-many-reveals"
  | "too-many-sessions"
  | "unauthenticated"
  | "unavailable"
  | "unknown-alarm"
  | "unknown-session"
  | "unknown-topic"
  | "unseen-message";
