"""The screen of a review in a browser without JupyterLab: its scripts in an empty page, its kernel beside them."""

import base64
from contextlib import contextmanager

from browser import browser_path, playwright

from reid_lib.views.review import ReviewScreen

PAGE = '<!DOCTYPE html><html><body style="margin: 0"><div id="here"></div></body></html>'
# A model as anywidget hands it to the scripts: what they send is heard at once, pictures and states come back.
START = """state => {
  const heard = {}, of = name => heard[name] ||= new Set();
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const model = {
    get: () => state,
    on: (name, act) => of(name).add(act),
    off: (name, act) => of(name).delete(act),
    send: message => window.hear(message).then(told => {
      for (const act of of('msg:custom')) for (const [content, texts] of told.sent) act(content, texts.map(bytes));
      if (told.state.serial === state.serial) return;
      state = told.state;
      for (const act of of('change:state')) act();
    }),
  };
  const widget = window.makeWidget();
  widget.initialize({ model });
  widget.render({ model, el: document.getElementById('here') });
}"""


@contextmanager
def open_page(screen: ReviewScreen, *, width: int, height: int):
    """A page of this size, in px, that shows the screen; both photographs are there."""
    sent: list[tuple] = []
    screen.send = lambda content, buffers=None: sent.append(
        (content, [base64.b64encode(b).decode() for b in buffers or []])
    )

    def hear(message: dict) -> dict:
        if message["do"] == "picture":  # at once, not by the threads of the screen
            screen._make_picture(message["id"], message["level"])
        elif message["do"] == "matches":
            screen._make_matches(*message["ids"])
        else:
            screen.handle(message)
        told = {"sent": list(sent), "state": screen.state}
        sent.clear()
        return told

    with playwright()() as play:
        browser = play.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_content(PAGE)
        page.add_style_tag(content=screen._css)
        page.add_script_tag(content=screen._esm.replace("export default", "window.makeWidget ="))
        page.expose_function("hear", hear)
        page.evaluate(START, screen.state)
        page.wait_for_function("[...document.querySelectorAll('.rr-photo')].every(image => image.naturalWidth > 0)")
        yield page
        browser.close()
