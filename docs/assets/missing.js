// The missing page speaks the language of the address. Without this, both languages stay.
const isEnglish = location.pathname.includes("/en/");
document.querySelector(isEnglish ? "section[lang=zh]" : "section[lang=en]").hidden = true;
document.documentElement.lang = isEnglish ? "en" : "zh";
document.title = document.querySelector("section:not([hidden]) h1").textContent;
