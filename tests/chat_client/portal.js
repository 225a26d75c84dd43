// What a portal's page would do, told by the tests: `portal.begin()` makes a client, `portal.session` is its session.
import { ChatClient } from "/client/index.js";

const token = async ({ renew }) => (await fetch(renew ? "/token?renew=1" : "/token")).json();

class Portal {
  entries = [];
  changes = [];
  errors = [];
  frames = [];
  signals = [];
  state = null;
  over = null;

  async begin(options = {}) {
    this.client = new ChatClient({
      url: "",
      token,
      onStatus: (change) => this.changes.push(change),
      onError: (error) => this.errors.push(told(error)),
      onFrame: (frame) => this.frames.push(frame),
      ...options,
    });
    this.notice = await this.client.connect();
    return this.notice;
  }

  get handlers() {
    return {
      onEntry: (entry) => this.entries.push(entry),
      onState: (state) => (this.state = state),
      onReceipt: (receipt) => this.signals.push(receipt),
      onTyping: (typing) => this.signals.push(typing),
      onClosed: (closed) => (this.over = closed),
      onError: (error) => this.errors.push(told(error)),
    };
  }

  async open(options = {}) {
    this.session = await this.client.open({ topic: "retirement", acknowledged: this.notice, ...this.handlers, ...options });
    return this.session.id;
  }

  async resume(where) {
    this.session = await this.client.resume(where, this.handlers);
    return this.session.id;
  }

  get texts() {
    return this.entries.filter((one) => one.kind === "message").map((one) => one.entry.pii.text);
  }

  get seqs() {
    return this.entries.map((one) => one.entry.seq);
  }

  get transports() {
    return this.changes.filter((one) => one.status === "online").map((one) => one.transport);
  }
}

/** What became of a promise, in a form that travels. */
window.outcome = (promise) => promise.then((value) => ({ value }), (error) => ({ error: told(error) }));
window.portal = new Portal();

function told(error) {
  return { name: error.name, message: error.message, code: error.code, seq: error.seq, retryable: error.retryable };
}
