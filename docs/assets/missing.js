// The missing page speaks the language of the address. Without this, both languages stay.
document.documentElement.lang = location.pathname.includes("/en/") ? "en" : "zh";
addEventListener("DOMContentLoaded", () => {
  document.title = document.querySelector(`section[lang=${document.documentElement.lang}] h1`).textContent;
});
