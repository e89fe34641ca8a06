// A wallet that announces itself by EIP-6963. What it is asked goes to Python (`socaiWallet`), which answers strictly.
(() => {
  const listeners = {};
  const provider = {
    async request({ method, params = [] }) {
      const answer = JSON.parse(await window.socaiWallet(method, JSON.stringify(params)));
      if ("error" in answer) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
      return answer.result;
    },
    on: (event, listener) => void (listeners[event] ??= new Set()).add(listener),
    removeListener: (event, listener) => void listeners[event]?.delete(listener),
  };
  const info = Object.freeze({ uuid: "6c1b3a52-strict", name: "Strict wallet", icon: "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>", rdns: "test.strict" });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  window.socaiEmit = (event, value) => listeners[event]?.forEach((listener) => listener(value));
  announce();
})();
