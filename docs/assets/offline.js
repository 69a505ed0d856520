// In the copy that opens from disk: a page there may start no worker, so a hidden frame does the
// search. Material's search script knows this class by its name and then works in a frame.
window.IFrameWorker = window.Worker = class extends EventTarget {
  constructor(address) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.frame = frame.contentWindow;
    // Later, as from a worker: its answer must not come before the one who asked listens.
    this.frame.postMessage = (data) => void setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })));
    const load = (source) =>
      new Promise((resolve, reject) => {
        const script = this.frame.document.createElement("script");
        Object.assign(script, { src: new URL(source, document.baseURI), onload: resolve, onerror: reject });
        this.frame.document.body.append(script);
      });
    this.frame.importScripts = (...all) => all.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
    this.ready = load(address);
  }

  postMessage(data) {
    this.ready.then(() => this.frame.dispatchEvent(new MessageEvent("message", { data })));
  }
};
