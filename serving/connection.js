// What the page asks its server, below Gradio's client. Where an event is refused because too many wait, or nobody
// answers, the page says so and asks again. Where the stream that tells of events breaks, those on their way are asked
// again, and go on under the names that Gradio has for them.
(() => {
  if (!AbortSignal.any) return;                   // a browser from before 2024: as Gradio does it
  const TRIES = 9, SILENCE = 40_000;              // milliseconds; a stream has a word every 15 s
  const BUSY = "The page is busy: trying again …";
  const GONE = "The server does not answer: trying again …";
  const LOST = "The connection was lost before this was done: try once more.";
  const UNSENT = "The file did not reach the server: try once more, and tell whoever serves this page if it fails.";
  const LARGE = "The file is larger than this server, or a proxy before it, takes: choose a smaller one.";
  const UNSAVED = "The file could not be fetched: press the button once more.";
  const ASTRAY = "The server does not know what this page asks it for: whoever serves the page below a path of an "
    + "address starts it with --root-path.";
  const SHOWN = 20_000;                           // milliseconds that a sentence about a failure stays
  const line = Object.assign(document.createElement("p"), {className: "busy", role: "status"});
  const say = text => { line.textContent = text; line.hidden = !text; if (text) document.body.append(line); };
  const sayAWhile = text => { say(text); setTimeout(() => { if (line.textContent === text) say(""); }, SHOWN); };
  const astray = ({status}) => [404, 405].includes(status);
  const ask = window.fetch.bind(window), longer = wait => Math.min(1.7 * wait, 6000);
  const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  const asked = new Map(), early = new Set();     // events by Gradio's names: on their way; ended before they had one
  let breaks = 0;                                 // each renames the session: an old stream takes nothing of a new one
  const renamed = session => breaks ? `${session}~${breaks}` : session;

  async function join(url, options, most = TRIES) {
    const event = JSON.parse(options.body);
    for (let tries = 1, wait = 400; ; tries++, wait = longer(wait)) {
      const body = JSON.stringify({...event, session_hash: renamed(event.session_hash)});
      const answer = await ask(url, {...options, body, signal: AbortSignal.timeout(SILENCE / 2)}).catch(error => error);
      const failed = answer instanceof Error, busy = failed || [429, 502, 503, 504].includes(answer.status);
      say(!busy ? "" : tries === most ? "The page is too busy: try again soon." : failed ? GONE : BUSY);
      if (!busy || tries === most) { if (failed) throw answer; return answer; }
      await sleep(wait * (0.6 + 0.8 * Math.random()));
    }
  }

  // Hands on what the server tells; returns whether it came to its end.
  async function hear({url, signal}, tell) {
    const silent = new AbortController(), either = {signal: AbortSignal.any([signal, silent.signal])};
    const answer = await ask(url.replace(/(?<=session_hash=)[^&]*/, renamed), either);
    if (!answer.ok) return false;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const timer = setTimeout(() => silent.abort(), SILENCE);
      const {value, done} = await reader.read().finally(() => clearTimeout(timer));
      if (done) return false;
      const pieces = (text + value).split("\n\n");
      text = pieces.pop();
      for (const told of pieces.map(piece => JSON.parse(piece.slice("data:".length)))) {
        if (["close_stream", "unexpected_error"].includes(told.msg)) return told.msg === "close_stream";
        const [id, event = {}] = [...asked].find(([, one]) => one.id === told.event_id) || [told.event_id];
        if (told.msg === "process_completed" && !asked.delete(id)) early.add(id);
        if (told.msg === "process_generating") {  // after the first Gradio expects changes; the new one begins anew
          if (event.begun && event.anew) told.output.data = told.output.data.map(value => [["replace", [], value]]);
          Object.assign(event, {begun: true, anew: false});
        }
        tell({...told, event_id: id});
      }
    }
  }

  // What a part of the page asked may be asked twice; not so a press of a button, or what takes a file.
  const repeatable = ({fn_index: index}) => {
    const {dependencies, components} = window.gradio_config;
    const [[part, name]] = dependencies.find(one => one.id === index).targets;
    return !["own", "stop"].includes(name) && components.some(one => one.id === part && one.type === "html");
  };
  async function askAgain(tell) {
    breaks++;
    const fail = id => asked.delete(id)
      && tell({msg: "process_completed", event_id: id, success: false, output: {error: LOST, visible: true}});
    for (const [id, {options}] of [...asked]) if (!repeatable(JSON.parse(options.body))) fail(id);    // at once
    for (const [id, event] of [...asked]) {
      const answer = await join(event.url, event.options, Infinity);
      if (answer.ok) Object.assign(event, {id: (await answer.json()).event_id, anew: true}); else fail(id);
    }
  }
  const unbroken = request => new ReadableStream({start: async to => {
    const encoder = new TextEncoder(), tell = told => to.enqueue(encoder.encode(`data: ${JSON.stringify(told)}\n\n`));
    for (let wait = 400; ; wait = longer(wait)) {
      const ended = await hear(request, tell).catch(() => false);
      if (request.signal.aborted || !asked.size) break;
      if (ended) continue;                        // it was closed while something new was asked
      say(GONE); await sleep(wait); await askAgain(tell); say("");
    }
    tell({msg: "close_stream"}); to.close();
  }});

  // A file to the server: Gradio shows what a refusal says, so it says a sentence.
  async function sent(resource, options) {
    const answer = await ask(resource, options).catch(() => new Response("", {status: 503}));
    const says = answer.status === 413 ? LARGE : astray(answer) ? ASTRAY : UNSENT;
    return answer.ok ? answer : new Response(says, {status: answer.status});
  }
  // A file from the server: the browser alone sees that it does not come, so the page asks as well.
  document.addEventListener("click", ({target}) => {
    const link = target.closest && target.closest("a[download]");
    if (link && link.origin === location.origin)
      ask(link.href, {method: "HEAD"}).then(({ok}) => ok, () => false).then(ok => { if (!ok) sayAWhile(UNSAVED); });
  }, true);

  window.fetch = async (resource, options) => {
    const url = resource.url || String(resource);
    if (/\/queue\/data/.test(url)) return new Response(unbroken(resource));
    if (/\/upload(\?|$)/.test(url)) return sent(resource, options);
    if (!/\/queue\/join/.test(url)) return ask(resource, options);
    const answer = await join(url, options);
    if (astray(answer)) { say(ASTRAY); return new Promise(() => {}); }  // else Gradio says each time what it cannot read
    const {event_id: id} = answer.ok ? await answer.clone().json() : {};
    if (id && !early.delete(id)) asked.set(id, {id, url, options});
    return answer;
  };
})();
