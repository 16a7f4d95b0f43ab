// ImageNet's contest (ILSVRC), classification: top-5 error on the test set, in percent. Its best
// entries averaged several networks over many crops.

export const CONTEST = [
  { year: 2010, who: "NEC-UIUC", error: 28.2, what: "features made by hand", from: "Russakovsky et al. 2015" },
  { year: 2011, who: "XRCE", error: 25.8, what: "features made by hand", from: "Russakovsky et al. 2015" },
  { year: 2012, who: "ISI", error: 26.2, what: "features made by hand: the second of 2012", from: "Krizhevsky et al. 2012" },
  { year: 2012, who: "AlexNet", error: 16.4, what: "five networks of 8 layers", from: "Krizhevsky et al. 2012" },
  { year: 2013, who: "Clarifai", error: 11.7, what: "several networks", from: "Russakovsky et al. 2015" },
  { year: 2014, who: "VGG", error: 7.3, what: "seven networks of 16 and 19 layers: the second of 2014", from: "Simonyan and Zisserman 2015" },
  { year: 2014, who: "GoogLeNet", error: 6.7, what: "seven networks of 22 layers", from: "Szegedy et al. 2015" },
  { year: 2015, who: "ResNet", error: 3.6, what: "six networks of up to 152 layers", from: "He et al. 2016 (3.57)" },
];

export const PERSON = { year: null, who: "A person", error: 5.1, what: "one who had trained for it, on 1,500 photographs", from: "Russakovsky et al. 2015" };
